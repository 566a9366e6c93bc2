from __future__ import annotations

import contextlib
from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event

from cgappliance.store import changes
from cgappliance.store.changes import EVERYTHING, Change, ChangeFeed, Kind
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.testing.stores import PostgresqlStores


class Listener:
    def __init__(self) -> None:
        self.heard: list[Sequence[Change] | None] = []
        self.something = Event()

    def __call__(self, found: Sequence[Change] | None) -> None:
        self.heard.append(found)
        self.something.set()


def touch(store: Store, *keys: str, kind: Kind = Kind.ACCOUNT) -> None:
    with changes.change(store) as transaction:
        for key in keys:
            transaction.touch("acme", kind, key)


def feed(store: Store, listener: Listener, seen: int | None = None) -> ChangeFeed:
    with store.read() as connection:
        return ChangeFeed(store, listener, changes.latest(connection) if seen is None else seen, poll_s=0.01)


def accounts_of(*keys: str) -> list[Change]:
    return [Change("acme", Kind.ACCOUNT, key) for key in keys]


def test_a_look_tells_what_was_touched_since_the_last_and_only_that(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener)
    touch(store, "b", "a")
    touch(store, "c")
    looking.look()
    looking.look()
    assert listener.heard == [accounts_of("a", "b", "c")]


def test_a_transaction_that_fails_is_not_told(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener)
    with contextlib.suppress(RuntimeError), changes.change(store) as transaction:
        transaction.touch("acme", Kind.ACCOUNT, "a")
        raise RuntimeError
    looking.look()
    assert listener.heard == []


def test_ones_own_change_is_heard_at_once(store: Store) -> None:
    listener = Listener()
    looking = ChangeFeed(store, listener, 0, poll_s=60)
    looking.start()
    touch(store, "a")
    assert listener.heard == [accounts_of("a")]
    looking.stop()


def test_a_change_of_another_process_is_heard_within_a_second(store: Store) -> None:
    listener = Listener()
    with Store.open(store.url.render_as_string(hide_password=False)) as other:
        looking = ChangeFeed(other, listener, 0)
        looking.start()
        touch(store, "a")
        assert listener.something.wait(timeout=1.0)
        looking.stop()


def test_after_stop_nothing_is_heard(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener)
    looking.start()
    looking.stop()
    touch(store, "a")
    assert listener.heard == []


def test_very_many_touches_become_one(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener)
    touch(store, *(f"u{number}" for number in range(600)))
    looking.look()
    assert listener.heard == [accounts_of(EVERYTHING)]


def test_who_is_too_far_behind_is_told_to_read_everything(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEEP", 2)
    listener = Listener()
    looking = feed(store, listener)
    for key in "abc":
        touch(store, key)
    looking.look()
    assert listener.heard == [None]


def test_a_database_restored_from_a_backup_is_read_anew(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener, seen=1000)
    looking.look()
    assert listener.heard == [None]


def test_an_outage_is_survived(store: Store) -> None:
    listener = Listener()
    looking = feed(store, listener)
    working, answers = store.read, iter([True, True])

    def sometimes(*args: object) -> object:
        if next(answers, False):
            raise StoreUnavailable("down")
        return working(*args)

    store.read = sometimes  # type: ignore[method-assign]
    looking.start()
    touch_elsewhere(store)
    assert listener.something.wait(timeout=5)
    looking.stop()


def touch_elsewhere(store: Store) -> None:
    with Store.open(store.url.render_as_string(hide_password=False)) as other:
        touch(other, "a")


def test_a_listener_that_fails_does_not_undo_the_change(store: Store) -> None:
    def failing(found: Sequence[Change] | None) -> None:
        raise StoreUnavailable("down")

    store.listeners.append(failing)
    touch(store, "a")
    with store.read() as connection:
        assert changes.latest(connection) == 1


@pytest.mark.integration
def test_numbers_are_in_the_order_of_commits(postgresql: PostgresqlStores) -> None:
    with postgresql.store() as store:
        heard: list[str] = []
        looking = ChangeFeed(store, lambda found: heard.extend(change.key for change in found or ()), 0, poll_s=0.001)
        looking.start()
        store.listeners.clear()
        gevent.joinall([gevent.spawn(touch, store, f"{number:03}") for number in range(60)], timeout=30, raise_error=True)
        looking.look()
        store.listeners.append(looking._listener)
        looking.stop()
    assert sorted(set(heard)) == [f"{number:03}" for number in range(60)]
