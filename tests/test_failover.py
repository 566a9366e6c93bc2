from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from cgappliance.failover import Failover, NoServer, ServerRotation
from cgappliance.pooling import Deadline, OpeningRefused, ServerFailed, ServerTimedOut


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Wire:
    """A connection that remembers whether it was closed."""

    def __init__(self, server: str, number: int) -> None:
        self.server = server
        self.number = number
        self.closed = False


class Network:
    """Servers that are up, down (refuse to connect), or refuse the appliance's account; counts what is opened."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.refuses: set[str] = set()
        self.opened: list[Wire] = []
        self.asked: list[str] = []

    def open(self, server: str, _deadline: Deadline) -> Wire:
        self.asked.append(server)
        if server in self.down:
            raise ServerFailed("connection refused")
        if server in self.refuses:
            raise OpeningRefused("bad service account")
        self.opened.append(Wire(server, len(self.opened)))
        return self.opened[-1]

    def close(self, connection: Wire) -> None:
        assert not connection.closed, "closed twice"
        connection.closed = True


def server_of(wire: Wire, _deadline: Deadline) -> str:
    return wire.server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def failover(network: Network, clock: Clock) -> Iterator[Failover[str, Wire]]:
    made = Failover(ServerRotation(["dc1", "dc2"], retry_after_s=30, clock=clock), network, pool_size=2, clock=clock)
    yield made
    made.close()
    assert all(wire.closed for wire in network.opened), "a connection outlived close()"


def soon(clock: Callable[[], float] = time.monotonic) -> Deadline:
    return Deadline(5, clock)


def fail(failure: Exception) -> Callable[[Wire, Deadline], str]:
    def verb(_wire: Wire, _deadline: Deadline) -> str:
        raise failure

    return verb


def test_first_server_is_asked_first(failover: Failover[str, Wire], clock: Clock) -> None:
    assert [failover.run(server_of, soon(clock)) for _ in range(3)] == ["dc1"] * 3


def test_server_that_is_down_is_left_alone_until_its_rest_is_over(
    failover: Failover[str, Wire], network: Network, clock: Clock
) -> None:
    network.down.add("dc1")
    assert failover.run(server_of, soon(clock)) == "dc2"
    clock.now_s += 29
    assert failover.run(server_of, soon(clock)) == "dc2"
    assert network.asked == ["dc1", "dc2"]


def test_first_server_is_used_again_once_it_is_back(failover: Failover[str, Wire], network: Network, clock: Clock) -> None:
    network.down.add("dc1")
    failover.run(server_of, soon(clock))
    network.down.clear()
    clock.now_s += 30
    assert [failover.run(server_of, soon(clock)) for _ in range(2)] == ["dc1"] * 2


def test_only_one_login_pays_for_finding_out_that_a_server_is_still_down(clock: Clock) -> None:
    rotation = ServerRotation(["dc1", "dc2"], retry_after_s=30, clock=clock)
    rotation.failed("dc1")
    clock.now_s += 30
    assert rotation.order() == (["dc1", "dc2"], [])
    rotation.asking("dc1")
    assert rotation.order() == (["dc2"], ["dc1"])


def test_rest_that_is_over_stays_over_while_nobody_asks(clock: Clock) -> None:
    rotation = ServerRotation(["dc1", "dc2"], retry_after_s=30, clock=clock)
    rotation.failed("dc2")
    clock.now_s += 30
    for _ in range(2):
        assert rotation.order() == (["dc1", "dc2"], [])


@pytest.mark.parametrize(("passed_s", "living"), [(29, ["dc2"]), (30, ["dc1", "dc2"]), (31, ["dc1", "dc2"])])
def test_rest_ends_to_the_second(clock: Clock, passed_s: float, living: list[str]) -> None:
    rotation = ServerRotation(["dc1", "dc2"], retry_after_s=30, clock=clock)
    rotation.failed("dc1")
    clock.now_s += passed_s
    assert rotation.order()[0] == living


def test_resting_server_is_asked_when_all_others_fail(failover: Failover[str, Wire], network: Network, clock: Clock) -> None:
    network.down.add("dc1")
    failover.run(server_of, soon(clock))
    network.down = {"dc2"}

    def verb(wire: Wire, _deadline: Deadline) -> str:
        if wire.server == "dc2":
            raise ServerFailed("connection reset")
        return wire.server

    assert failover.run(verb, soon(clock)) == "dc1"


def test_outage_of_all_servers_names_each_with_its_failure(failover: Failover[str, Wire], network: Network) -> None:
    network.down = {"dc1", "dc2"}
    with pytest.raises(NoServer, match="dc1: connection refused; dc2: connection refused") as raised:
        failover.run(server_of, soon())
    assert not raised.value.timed_out


def test_silence_of_one_server_counts_as_timed_out(failover: Failover[str, Wire]) -> None:
    with pytest.raises(NoServer) as raised:
        failover.run(fail(ServerTimedOut("no answer")), soon())
    assert raised.value.timed_out


def test_deadline_that_is_over_asks_nobody(failover: Failover[str, Wire], network: Network, clock: Clock) -> None:
    with pytest.raises(NoServer, match="time was up"):
        failover.run(server_of, Deadline(0, clock))
    assert network.asked == []


def test_attempt_is_short_while_another_server_lives_and_takes_all_that_is_left_otherwise(
    failover: Failover[str, Wire], clock: Clock
) -> None:
    given: list[float] = []

    def silent(_wire: Wire, deadline: Deadline) -> str:
        given.append(deadline.left_s)
        clock.now_s += deadline.left_s
        raise ServerTimedOut("no answer")

    with pytest.raises(NoServer):
        failover.run(silent, Deadline(10, clock))
    assert given == [1.5, 8.5]


def test_connection_that_the_server_closed_while_idle_costs_no_login(failover: Failover[str, Wire], clock: Clock) -> None:
    failover.run(server_of, soon(clock))

    def verb(wire: Wire, _deadline: Deadline) -> str:
        if wire.number == 0:
            raise ServerFailed("connection reset")
        return wire.server

    assert failover.run(verb, soon(clock)) == "dc1"


def test_silence_on_an_idle_connection_is_not_waited_for_twice(failover: Failover[str, Wire], network: Network) -> None:
    failover.run(server_of, soon())
    with pytest.raises(NoServer):
        failover.run(fail(ServerTimedOut("no answer")), soon())
    assert network.asked == ["dc1", "dc2"]


def test_what_else_a_verb_raises_passes_through_and_blames_no_server(failover: Failover[str, Wire], network: Network) -> None:
    with pytest.raises(LookupError):
        failover.run(fail(LookupError()), soon())
    assert failover.run(server_of, soon()) == "dc1"
    assert network.asked == ["dc1", "dc1"]


@pytest.mark.parametrize(("passed_s", "asked"), [(0, 1), (29, 1), (30, 2), (31, 2)])
def test_refusal_of_the_appliances_account_is_believed_for_a_while(
    failover: Failover[str, Wire], network: Network, clock: Clock, passed_s: float, asked: int
) -> None:
    network.refuses = {"dc1", "dc2"}
    with pytest.raises(OpeningRefused):
        failover.run(server_of, soon(clock))
    clock.now_s += passed_s
    with pytest.raises(OpeningRefused, match="bad service account"):
        failover.run(server_of, soon(clock))
    assert network.asked == ["dc1"] * asked
