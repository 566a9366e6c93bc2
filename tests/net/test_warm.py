import gevent
import pytest

from cgappliance.errors import LoginFailed
from cgappliance.model import Reason
from cgappliance.net import warm
from cgappliance.net.warm import Keeper, WarmPool
from cgappliance.proto.events import Greeted, NeedData
from cgappliance.testing.lab.process import wait_until


class FakeBack:
    """A back that has been greeted: it waits for a login."""

    def next_event(self):
        return NeedData()


class Upstream:
    """Makes connections, counts them, and can refuse to."""

    def __init__(self, tls_pair):
        self.tls_pair, self.far_ends, self.refusing = tls_pair, [], False

    def open(self):
        if self.refusing:
            raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, "test")
        far, near = self.tls_pair()
        far.sendall(b"* OK ready\r\n")
        near.recv()
        self.far_ends.append(far)
        return near, FakeBack()


@pytest.fixture
def upstream(tls_pair):
    return Upstream(tls_pair)


@pytest.fixture
def keeper():
    return Keeper(crowd=1)


@pytest.fixture
def pool(upstream, keeper):
    pool = WarmPool("acme/imap", upstream.open, 2, keeper)
    yield pool
    pool.close()


def filled(pool, size=1):
    wait_until(lambda: len(pool) == size, f"{size} connections ready", 5)


def test_first_login_finds_nothing_and_the_next_one_is_expected(pool):
    assert pool.take() is None
    filled(pool)
    assert pool.take() is not None


def test_taken_connection_is_replaced(pool, upstream):
    pool.take()
    filled(pool)
    pool.take()
    filled(pool)
    assert len(upstream.far_ends) == 2


def test_more_are_kept_when_more_come_at_once_up_to_the_limit(pool):
    for _ in range(5):
        pool.take()
    filled(pool, 2)


def test_limit_zero_keeps_none(upstream):
    pool = WarmPool("acme/imap", upstream.open, 0)
    assert pool.take() is None
    gevent.sleep(0)
    assert upstream.far_ends == []


def test_connection_that_the_upstream_closed_is_not_handed_out(pool, upstream):
    pool.take()
    filled(pool)
    upstream.far_ends[0].close()
    gevent.sleep(0.01)
    assert pool.take() is None


def test_connection_with_a_farewell_waiting_is_not_handed_out(pool, upstream):
    pool.take()
    filled(pool)
    upstream.far_ends[0].sendall(b"* BYE idle too long\r\n")
    gevent.sleep(0.01)
    assert pool.take() is None


def test_old_connection_is_not_handed_out(pool, monkeypatch):
    pool.take()
    filled(pool)
    monkeypatch.setattr(warm, "MAX_AGE_S", -1.0)
    assert pool.take() is None


def test_back_that_has_something_to_say_is_not_handed_out(pool, monkeypatch):
    pool.take()
    filled(pool)
    monkeypatch.setattr(FakeBack, "next_event", lambda _: Greeted())
    assert pool.take() is None


def test_failed_dial_keeps_none_until_somebody_logs_in_again(pool, upstream):
    upstream.refusing = True
    pool.take()
    gevent.sleep(0.01)
    assert len(pool) == 0
    upstream.refusing = False
    pool.take()
    filled(pool)


def test_sweep_renews_while_people_log_in(pool, upstream, keeper, monkeypatch):
    pool.take()
    filled(pool)
    monkeypatch.setattr(warm, "MAX_AGE_S", -1.0)
    keeper.sweep()
    monkeypatch.undo()
    filled(pool)
    assert len(upstream.far_ends) == 2


def test_sweep_empties_the_pool_when_nobody_logs_in(pool, keeper, monkeypatch):
    pool.take()
    filled(pool)
    monkeypatch.setattr(warm, "ACTIVE_S", -1.0)
    monkeypatch.setattr(warm, "MAX_AGE_S", -1.0)
    keeper.sweep()
    assert len(pool) == 0
    assert pool not in keeper


def test_crowd_is_renewed_by_logins_alone(pool, upstream, keeper, monkeypatch):
    other = WarmPool("umbrella/imap", upstream.open, 2, keeper)
    for each in (pool, other):
        each.take()
        filled(each)
    monkeypatch.setattr(warm, "MAX_AGE_S", -1.0)
    keeper.sweep()
    assert (len(pool), len(other), pool in keeper, other in keeper) == (0, 0, False, False)


def test_crowd_keeps_what_is_young(pool, upstream, keeper):
    other = WarmPool("umbrella/imap", upstream.open, 2, keeper)
    for each in (pool, other):
        each.take()
        filled(each)
    keeper.sweep()
    assert (len(pool), len(other)) == (1, 1)


def test_timer_rests_while_there_is_no_pool_to_look_after(pool, keeper):
    pool.take()
    filled(pool)
    pool.close()
    keeper.sweep()
    assert keeper._timer is None


def test_close_closes_what_is_ready_and_keeps_none(pool, upstream):
    pool.take()
    filled(pool)
    pool.close()
    assert upstream.far_ends[0].recv() == b""
    assert pool.take() is None
