from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import gevent
import pytest
from sqlalchemy import insert

from cgappliance.secret import Secret
from cgappliance.store import accounts, changes, credentials, keyfile, memory, profiles
from cgappliance.store.changes import Change
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Store
from cgappliance.store.lockout import unlock
from cgappliance.store.memory import PolicyMemory
from cgappliance.store.schema import lockouts
from cgappliance.store.vault import Vault
from tests.store.people import NOW, add_account, add_profile, change_account

YUKI = "yuki@acme.example"


@pytest.fixture
def started(store: Store) -> Iterator[Callable[..., PolicyMemory]]:
    """Starts memories, and stops them afterwards."""
    made: list[PolicyMemory] = []

    def start(of: Store = store, poll_s: float = 60.0) -> PolicyMemory:
        made.append(PolicyMemory(of, poll_s))
        made[-1].start()
        return made[-1]

    yield start
    for remembering in made:
        remembering.stop()


def lock(store: Store) -> None:
    values = {"tenant": "acme", "address": YUKI, "binds": [], "locked_until": NOW + timedelta(hours=1), "touched_at": NOW}
    with changes.change(store) as transaction:
        transaction.execute(insert(lockouts).values(**values))
        transaction.touch("acme", changes.Kind.LOCK, YUKI)


def test_what_was_there_before_the_start_is_known(store: Store, started: Callable[..., PolicyMemory]) -> None:
    account, stored = add_account(store), add_profile(store)
    lock(store)
    remembering = started()
    assert remembering.account("acme", YUKI) == account
    assert remembering.profiles("acme") == {"office": stored.profile}
    assert remembering.locked_until("acme", YUKI) == NOW + timedelta(hours=1)
    assert list(remembering.accounts("acme")) == [account]


def test_what_is_not_there_is_nothing(started: Callable[..., PolicyMemory]) -> None:
    remembering = started()
    assert remembering.account("acme", YUKI) is None
    assert remembering.locked_until("acme", YUKI) is None
    assert (remembering.profiles("acme"), list(remembering.accounts("acme"))) == ({}, [])


def test_ones_own_changes_are_known_at_once(store: Store, started: Callable[..., PolicyMemory]) -> None:
    remembering = started()
    account, stored = add_account(store), add_profile(store)
    lock(store)
    assert remembering.account("acme", YUKI) == account
    assert remembering.profiles("acme") == {"office": stored.profile}
    assert remembering.locked_until("acme", YUKI) is not None


def test_what_is_removed_is_forgotten_at_once(store: Store, started: Callable[..., PolicyMemory]) -> None:
    account, stored = add_account(store), add_profile(store)
    lock(store)
    remembering = started()
    with changes.change(store) as transaction:
        accounts.remove(transaction, account)
        profiles.remove(transaction, stored)
        unlock(transaction, "acme", YUKI)
    assert remembering.account("acme", YUKI) is None
    assert (remembering.profiles("acme"), remembering.locked_until("acme", YUKI)) == ({}, None)


def test_a_renamed_account_is_known_by_its_new_address_only(store: Store, started: Callable[..., PolicyMemory]) -> None:
    account = add_account(store)
    remembering = started()
    renamed = change_account(store, account, address="new@acme.example")
    assert (remembering.account("acme", YUKI), remembering.account("acme", "new@acme.example")) == (None, renamed)


def test_changes_of_another_process_are_known_within_a_second(store: Store, started: Callable[..., PolicyMemory]) -> None:
    with Store.open(store.url.render_as_string(hide_password=False)) as other:
        remembering = started(other, changes.POLL_S)
        add_account(store)
        with gevent.Timeout(1.0):
            while remembering.account("acme", YUKI) is None:
                gevent.sleep(0.01)
        remembering.stop()
        remembering._feed = None


def test_very_many_changes_are_known_too(store: Store, started: Callable[..., PolicyMemory]) -> None:
    remembering = started()
    with changes.change(store) as transaction:
        for number in range(600):
            accounts.add(transaction, accounts.NewAccount("acme", f"u{number}@x"), by="test", now=NOW)
    assert len(list(remembering.accounts("acme"))) == 600


def test_listeners_hear_of_a_change_when_the_memory_has_it(store: Store, started: Callable[..., PolicyMemory]) -> None:
    remembering, heard = started(), []

    def listener(found: Sequence[Change] | None) -> None:
        heard.append((found, remembering.account("acme", YUKI) is not None))

    remembering.listeners.append(listener)
    add_account(store)
    assert heard == [([Change("acme", changes.Kind.ACCOUNT, YUKI)], True)]


def test_an_older_reading_never_replaces_a_newer_one(store: Store, started: Callable[..., PolicyMemory]) -> None:
    account = add_account(store)
    remembering = started()
    found = [Change("acme", changes.Kind.ACCOUNT, YUKI)]
    readers = [gevent.spawn(remembering._on_change, found) for _ in range(10)]
    changed = change_account(store, account, enabled=False)
    gevent.joinall(readers, timeout=10, raise_error=True)
    assert remembering.account("acme", YUKI) == changed


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    keyfile.create(tmp_path / "store.key", NOW)
    return Vault(tmp_path / "store.key")


def add_secret(store: Store, vault: Vault, account: accounts.Account, state: State) -> None:
    with changes.change(store) as transaction:
        made = {"kind": Kind.APP_PASSWORD, "state": state, "secret": Secret(state), "by": "test", "now": NOW}
        credentials.add(transaction, vault, account, **made)


def test_credentials_are_read_once_until_they_change(
    store: Store, vault: Vault, started: Callable[..., PolicyMemory], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, remembering = add_account(store), started()
    add_secret(store, vault, account, State.CURRENT)
    first = remembering.credentials("acme", YUKI)
    assert remembering.credentials("acme", YUKI) is first
    add_secret(store, vault, account, State.PENDING)
    assert [sealed.state for sealed in remembering.credentials("acme", YUKI)] == [State.CURRENT, State.PENDING]


def test_the_credentials_in_memory_are_bounded(
    store: Store, started: Callable[..., PolicyMemory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CREDENTIALS_MAX", 3)
    remembering = started()
    for number in range(10):
        remembering.credentials("acme", f"u{number}@x")
    assert len(remembering._credentials) == 3
