from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import gevent
import pytest
from gevent.event import Event

from cgappliance.model import AuthAnswer, Credentials, Reason
from cgappliance.policy.lockout import Limits
from cgappliance.secret import Secret
from cgappliance.store import changes, login_guard
from cgappliance.store.engine import Store
from cgappliance.store.lockout import SharedLockouts, unlock
from cgappliance.store.login_guard import PASSWORD_TTL_S, REFUSAL_TTL_S, LoginGuard
from cgappliance.store.memory import PolicyMemory

YUKI = "yuki@acme.example"
HERE = ip_address("192.0.2.7")


class Directory:
    """Knows one password, and counts who asks."""

    def __init__(self) -> None:
        self.password = "right"
        self.otherwise = AuthAnswer(Reason.WRONG_PASSWORD)
        self.asked: list[str] = []
        self.open = Event()
        self.open.set()

    def answer(self, password: str) -> AuthAnswer:
        self.asked.append(password)
        right = password == self.password
        self.open.wait()
        return AuthAnswer(Reason.ACCEPTED, identity="cn=yuki") if right else self.otherwise


class World:
    """A guard with a clock, a directory and everything in between."""

    def __init__(self, store: Store) -> None:
        self.now = 1_800_000_000.0
        self.clock_is_off_by_s = 0.0
        self.store = store
        self.directory = Directory()
        self.lockouts = SharedLockouts(store, Limits(distinct_max=3), self.clock)
        self.memory = PolicyMemory(store, poll_s=60)
        self.lockouts.start()
        self.memory.start()
        self.guard = self.new_guard()

    def clock(self) -> float:
        return self.now + self.clock_is_off_by_s

    def elapsed(self) -> float:
        return self.now

    def new_guard(self) -> LoginGuard:
        return LoginGuard(self.lockouts, self.memory, b"key", self.clock, self.elapsed)

    def login(
        self, password: str, ip: str = "192.0.2.7", timeout_s: float = 5.0, guard: LoginGuard | None = None, **further: Any
    ) -> Reason:
        credentials = Credentials(YUKI, YUKI, Secret(password), "LOGIN")
        ask: Callable[[], AuthAnswer] = lambda: self.directory.answer(password)  # noqa: E731
        return (guard or self.guard).authenticate("acme", credentials, ip_address(ip), ask, timeout_s, **further).reason

    def stop(self) -> None:
        self.directory.open.set()
        self.memory.stop()
        self.lockouts.stop(5)


@pytest.fixture
def world(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(login_guard.IpDelays, "admit", lambda *_: 0.0)  # the delays have tests of their own
    world = World(store)
    yield world
    world.stop()


def test_a_right_password_is_asked_once_and_then_remembered_for_the_stated_time(world: World) -> None:
    assert [world.login("right") for _ in range(3)] == [Reason.ACCEPTED] * 3
    world.now += PASSWORD_TTL_S - 1
    assert world.login("right") is Reason.ACCEPTED
    assert len(world.directory.asked) == 1
    world.now += 1
    world.login("right")
    assert len(world.directory.asked) == 2


def test_a_clock_that_is_set_back_keeps_no_password_alive(world: World) -> None:
    world.login("right")
    world.clock_is_off_by_s = -3600.0
    world.now += PASSWORD_TTL_S
    world.login("right")
    assert len(world.directory.asked) == 2


def test_a_right_password_is_asked_again_under_other_settings(world: World) -> None:
    assert [world.login("right", version=version) for version in ("one", "one", "two", "two")] == [Reason.ACCEPTED] * 4
    assert len(world.directory.asked) == 2


def test_a_wrong_password_is_counted_once_whatever_the_settings(world: World) -> None:
    assert [world.login("old", version=version) for version in ("one", "two", "three", "four")] == [Reason.WRONG_PASSWORD] * 4
    assert world.login("right", version="four") is Reason.ACCEPTED
    assert world.directory.asked == ["old", "right"]


def test_a_wrong_password_is_asked_once_by_all_processes_together(world: World) -> None:
    other = world.new_guard()
    assert [world.login("old"), world.login("old"), world.login("old", guard=other)] == [Reason.WRONG_PASSWORD] * 3
    assert world.directory.asked == ["old"]


def test_a_forgotten_telephone_costs_one_bind_a_window_and_locks_nobody_out(world: World) -> None:
    for _ in range(60):
        world.login("old")
        assert world.login("right") is Reason.ACCEPTED
        world.now += 60
    assert world.directory.asked.count("old") == 4


def test_distinct_wrong_passwords_lock_even_the_remembered_right_one_out(world: World) -> None:
    world.login("right")
    assert [world.login(text) for text in "abc"] == [Reason.WRONG_PASSWORD] * 3
    assert world.login("right") is Reason.LOCKED
    assert world.login("d") is Reason.LOCKED
    assert world.directory.asked == ["right", *"abc"]


def test_a_lock_ends_by_itself(world: World) -> None:
    for text in "abc":
        world.login(text)
    world.now += 900
    assert world.login("right") is Reason.ACCEPTED


def test_an_unlock_works_at_once(world: World) -> None:
    for text in "abc":
        world.login(text)
    with changes.change(world.store) as transaction:
        unlock(transaction, "acme", YUKI)
    assert [world.login("a"), world.login("right")] == [Reason.WRONG_PASSWORD, Reason.ACCEPTED]


def test_a_new_password_works_at_once_and_the_old_one_stops_with_it(world: World) -> None:
    world.login("right")
    world.directory.password = "new"
    assert world.login("new") is Reason.ACCEPTED
    assert world.login("right") is Reason.WRONG_PASSWORD


def test_an_old_password_stops_within_the_stated_time(world: World) -> None:
    world.login("right")
    world.directory.password = "new"
    world.now += PASSWORD_TTL_S
    assert world.login("right") is Reason.WRONG_PASSWORD


def test_a_password_changed_through_the_appliance_stops_at_once(world: World) -> None:
    world.login("right")
    world.directory.password = "new"
    with changes.change(world.store) as transaction:
        unlock(transaction, "acme", YUKI)
    assert world.login("right") is Reason.WRONG_PASSWORD


def test_an_answer_that_was_under_way_during_the_change_is_not_remembered(world: World) -> None:
    world.directory.open.clear()
    early = gevent.spawn(world.login, "right")
    gevent.sleep(0.05)
    world.directory.password = "new"
    with changes.change(world.store) as transaction:
        unlock(transaction, "acme", YUKI)
    world.directory.open.set()
    assert early.get(timeout=5) is Reason.ACCEPTED
    assert world.login("right") is Reason.WRONG_PASSWORD


def test_other_refusals_are_remembered_for_a_minute_and_lock_nobody(world: World) -> None:
    world.directory.password, world.directory.otherwise = "", AuthAnswer(Reason.DISABLED)
    assert {world.login(text) for text in "abcdefabcdef"} == {Reason.DISABLED}
    assert len(world.directory.asked) == 6
    world.now += REFUSAL_TTL_S
    world.login("a")
    assert len(world.directory.asked) == 7


@pytest.mark.parametrize("reason", [Reason.DIRECTORY_UNAVAILABLE, Reason.DIRECTORY_TIMEOUT, Reason.BACKEND_FAILED])
def test_an_outage_is_neither_remembered_nor_called_a_wrong_password(world: World, reason: Reason) -> None:
    world.directory.password, world.directory.otherwise = "", AuthAnswer(reason)
    assert world.login("right") is reason
    world.directory.password = "right"
    assert world.login("right") is Reason.ACCEPTED


def test_a_silent_directory_is_not_asked_without_end(world: World) -> None:
    world.directory.password, world.directory.otherwise = "", AuthAnswer(Reason.DIRECTORY_TIMEOUT)
    assert {world.login("right") for _ in range(10)} == {Reason.DIRECTORY_TIMEOUT}
    assert len(world.directory.asked) == 3


def test_the_same_login_many_times_at_once_asks_once(world: World) -> None:
    world.directory.open.clear()
    greenlets = [gevent.spawn(world.login, "right") for _ in range(10)]
    gevent.sleep(0.05)
    world.directory.open.set()
    assert [greenlet.get(timeout=5) for greenlet in greenlets] == [Reason.ACCEPTED] * 10
    assert world.directory.asked == ["right"]


def test_the_same_login_in_two_processes_at_once_is_not_asked_twice_when_it_is_wrong(world: World) -> None:
    world.directory.open.clear()
    greenlets = [gevent.spawn(world.login, "old", guard=guard) for guard in (world.guard, world.new_guard())]
    gevent.sleep(0.1)
    world.directory.open.set()
    assert [greenlet.get(timeout=5) for greenlet in greenlets] == [Reason.WRONG_PASSWORD] * 2
    assert world.directory.asked == ["old"]


def test_a_login_that_has_to_wait_too_long_for_others_is_an_outage(world: World) -> None:
    world.directory.open.clear()
    others = [gevent.spawn(world.login, text) for text in "abc"]
    gevent.sleep(0.05)
    assert world.login("right", timeout_s=0.1) is Reason.DIRECTORY_TIMEOUT
    assert world.login("a", timeout_s=0.1) is Reason.DIRECTORY_TIMEOUT
    world.directory.open.set()
    gevent.joinall(others, timeout=5)


def test_a_login_that_is_given_up_counts_as_one_without_answer(world: World) -> None:
    world.directory.open.clear()
    for text in "abc":
        given_up = gevent.spawn(world.login, text)
        gevent.sleep(0.05)
        given_up.kill(timeout=5)
    world.directory.open.set()
    assert world.login("d") is Reason.DIRECTORY_TIMEOUT


def test_a_backend_that_raises_is_not_held_against_the_account_as_a_wrong_password(world: World) -> None:
    credentials = Credentials(YUKI, YUKI, Secret("right"), "LOGIN")
    with pytest.raises(RuntimeError):
        world.guard.authenticate("acme", credentials, HERE, lambda: (_ for _ in ()).throw(RuntimeError()), 5.0)
    assert world.login("right") is Reason.ACCEPTED


def test_without_the_database_nobody_is_asked(world: World) -> None:
    world.lockouts.stop(5)
    assert world.login("right") is Reason.STORE_UNAVAILABLE
    assert world.directory.asked == []


def test_a_network_with_failures_waits_and_is_sent_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(gevent, "sleep", lambda seconds=0, **_: slept.append(seconds))
    world = World(store)
    world.directory.password, world.directory.otherwise = "", AuthAnswer(Reason.UNKNOWN_ADDRESS)
    reasons = [world.login(f"guess {number}") for number in range(12)]
    assert [seconds for seconds in slept if seconds >= 1] == [1, 2.0 + 1, 4.0 + 3, 8.0 + 7, 15.0 + 15]
    assert reasons[-1] is Reason.THROTTLED
    assert world.login("guess", ip="198.51.100.1") is Reason.UNKNOWN_ADDRESS
    monkeypatch.undo()
    world.stop()


def test_a_telephone_that_repeats_its_old_password_does_not_make_its_network_wait(store: Store) -> None:
    world = World(store)
    for _ in range(50):
        world.login("old")
    with gevent.Timeout(2):
        assert world.login("right") is Reason.ACCEPTED
    world.stop()


def test_a_password_is_remembered_as_a_keyed_digest_only(world: World) -> None:
    world.login("right")
    world.login("old")
    with world.store.read() as connection:
        kept = str(list(connection.exec_driver_sql("SELECT * FROM lockouts"))) + str(vars(world.guard)["_right"]._entries)
    assert "right" not in kept
    assert "'old'" not in kept


def test_who_wants_a_fresh_answer_is_not_let_in_from_memory(world: World) -> None:
    world.login("right")
    world.directory.password = "changed"
    assert world.login("right", fresh=True) is Reason.WRONG_PASSWORD


def test_who_wants_a_fresh_answer_is_still_refused_from_memory(world: World) -> None:
    assert [world.login("wrong", fresh=True) for _ in range(2)] == [Reason.WRONG_PASSWORD] * 2
    assert world.directory.asked == ["wrong"]
