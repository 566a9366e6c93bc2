from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import gevent
import pytest

from cgappliance.pooling import CROWDED_IDLE_S, BoundedPool, Deadline, IdleConnections, PoolBusy, PoolGivenUp, ServerFailed


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Wire:
    """A connection that remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = False


class Server:
    """A server that is up or down, and the connections that it was asked for."""

    def __init__(self) -> None:
        self.down = False
        self.opened: list[Wire] = []

    def open(self, _deadline: Deadline) -> Wire:
        if self.down:
            raise ServerFailed("connection refused")
        self.opened.append(Wire())
        return self.opened[-1]

    def close(self, wire: Wire) -> None:
        assert not wire.closed, "closed twice"
        wire.closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pool(server: Server, clock: Clock) -> BoundedPool[Wire]:
    return BoundedPool(server.open, server.close, size=2, max_idle_s=60, clock=clock)


def soon(clock: Callable[[], float] = time.monotonic) -> Deadline:
    return Deadline(5, clock)


@pytest.mark.parametrize(("passed_s", "left_s"), [(0, 5), (4, 1), (5, 0), (6, 0)])
def test_deadline_counts_down_to_zero_and_stays_there(clock: Clock, passed_s: float, left_s: float) -> None:
    deadline = Deadline(5, clock)
    clock.now_s += passed_s
    assert deadline.left_s == left_s


def test_sooner_never_moves_a_deadline_back(clock: Clock) -> None:
    assert Deadline(5, clock).sooner(2).left_s == 2
    assert Deadline(5, clock).sooner(9).left_s == 5


def test_connection_is_kept_for_the_next_login(pool: BoundedPool[Wire], clock: Clock) -> None:
    with pool.lease(soon(clock)) as first:
        assert not first.reused
    with pool.lease(soon(clock)) as second:
        assert second.reused
    assert second.connection is first.connection


def test_connection_left_by_an_exception_is_closed_and_never_lent_again(pool: BoundedPool[Wire], server: Server) -> None:
    with pytest.raises(KeyboardInterrupt), pool.lease(soon()):
        raise KeyboardInterrupt  # stands for gevent.Timeout and GreenletExit, which are no Exceptions either
    with pool.lease(soon()) as lease:
        assert not lease.reused
    assert server.opened[0].closed


@pytest.mark.parametrize(("idle_s", "reused"), [(59, True), (60, True), (61, False)])
def test_connection_idle_for_too_long_is_replaced(pool: BoundedPool[Wire], clock: Clock, idle_s: float, reused: bool) -> None:
    with pool.lease(soon(clock)):
        pass
    clock.now_s += idle_s
    with pool.lease(soon(clock)) as lease:
        assert lease.reused is reused


def test_wait_for_a_free_connection_ends_at_the_deadline(pool: BoundedPool[Wire]) -> None:
    with ExitStack() as held:
        held.enter_context(pool.lease(soon()))
        held.enter_context(pool.lease(soon()))
        started = time.monotonic()
        with pytest.raises(PoolBusy), pool.lease(Deadline(0.05)):
            pass
        assert 0.04 < time.monotonic() - started < 1


def test_waiting_login_gets_the_connection_that_comes_free(pool: BoundedPool[Wire]) -> None:
    def login() -> bool:
        with pool.lease(soon()) as lease:
            return lease.reused

    with pool.lease(soon()):
        with pool.lease(soon()):
            waiting = gevent.spawn(login)
            gevent.sleep(0)
            assert not waiting.ready()
        assert waiting.get(timeout=1) is True


def test_place_of_a_login_that_failed_to_open_is_given_back(pool: BoundedPool[Wire], server: Server) -> None:
    server.down = True
    for _ in range(3):
        with pytest.raises(ServerFailed), pool.lease(Deadline(0.05)):
            pass
    server.down = False
    with pool.lease(Deadline(0.05)) as lease:
        assert not lease.reused


def test_waiting_logins_are_sent_away_when_the_server_is_given_up(pool: BoundedPool[Wire]) -> None:
    def login() -> None:
        with pool.lease(soon()):
            pass

    with ExitStack() as held:
        held.enter_context(pool.lease(soon()))
        held.enter_context(pool.lease(soon()))
        waiting = [gevent.spawn(login) for _ in range(5)]
        gevent.sleep(0)
        pool.give_up()
    gevent.joinall(waiting, timeout=1)
    assert [type(greenlet.exception) for greenlet in waiting] == [PoolGivenUp] * 5


def test_lent_connection_is_closed_when_it_comes_back_to_a_closed_pool(pool: BoundedPool[Wire], server: Server) -> None:
    with pool.lease(soon()):
        pool.close()
        assert not server.opened[0].closed
    assert server.opened[0].closed


# ---- what nobody comes back for


def left_idle(pools: list[BoundedPool[Wire]]) -> None:
    """Let each pool have a connection that nobody uses."""
    for pool in pools:
        with pool.lease(soon()):
            pass


def pools_of(server: Server, clock: Clock, all_idle: IdleConnections, number: int) -> list[BoundedPool[Wire]]:
    return [BoundedPool(server.open, server.close, max_idle_s=60, clock=clock, all_idle=all_idle) for _ in range(number)]


@pytest.mark.parametrize(("crowd", "idle_s", "closed"), [(2, 59, False), (2, 61, True), (1, 4, False)])
def test_idle_connections_are_closed_without_being_asked_for(
    server: Server, clock: Clock, crowd: int, idle_s: float, closed: bool
) -> None:
    all_idle = IdleConnections(crowd)
    left_idle(pools_of(server, clock, all_idle, 2))
    clock.now_s += idle_s
    all_idle.sweep()
    assert [wire.closed for wire in server.opened] == [closed, closed]


def test_crowd_of_idle_connections_is_thinned_out_oldest_first(server: Server, clock: Clock) -> None:
    all_idle = IdleConnections(crowd=2)
    left_idle(pools_of(server, clock, all_idle, 5))
    clock.now_s += CROWDED_IDLE_S + 1
    all_idle.sweep()
    assert [wire.closed for wire in server.opened] == [True, True, True, False, False]
    assert len(all_idle) == 2


def test_connection_in_use_is_in_no_crowd(server: Server, clock: Clock) -> None:
    all_idle = IdleConnections(crowd=0)
    [pool] = pools_of(server, clock, all_idle, 1)
    with pool.lease(soon(clock)):
        clock.now_s += 100
        all_idle.sweep()
        assert (len(all_idle), server.opened[0].closed) == (0, False)


def test_one_timer_sweeps_for_all_and_rests_when_nothing_is_left(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgappliance.pooling.SWEEP_S", 0.01)
    all_idle = IdleConnections()
    left_idle(pools_of(server, clock, all_idle, 2))
    clock.now_s += 61
    with gevent.Timeout(5):
        while all_idle._timer is not None:
            gevent.sleep(0.001)
    assert [wire.closed for wire in server.opened] == [True, True]


def test_closed_pool_leaves_nothing_behind(server: Server, clock: Clock) -> None:
    all_idle = IdleConnections()
    [pool] = pools_of(server, clock, all_idle, 1)
    left_idle([pool])
    pool.close()
    assert (len(all_idle), server.opened[0].closed) == (0, True)
