from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from cgappliance.secret import Secret
from cgappliance.store import accounts, changes, credentials, keyfile
from cgappliance.store.accounts import Account
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Store
from cgappliance.store.errors import KeyProblem, RecordConflict
from cgappliance.store.vault import Vault
from tests.store.people import NOW, add_account, change_account

KIND = Kind.MANAGED_PASSWORD


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    keyfile.create(tmp_path / "store.key", NOW)
    return Vault(tmp_path / "store.key")


def add(store: Store, vault: Vault, account: Account, secret: str, state: State = State.CURRENT, kind: Kind = KIND) -> None:
    with changes.change(store) as transaction:
        credentials.add(transaction, vault, account, kind=kind, state=state, secret=Secret(secret), by="test", now=NOW)


def stored(store: Store, vault: Vault, account: Account, kind: Kind = KIND) -> list[tuple[State, str]]:
    with store.read() as connection:
        found = credentials.of_account(connection, account.id, kind)
    return [(sealed.state, sealed.open(vault).reveal()) for sealed in found]


def promote(store: Store, account: Account) -> bool:
    with changes.change(store) as transaction:
        return credentials.promote(transaction, account, KIND)


def test_a_secret_is_encrypted_in_the_database_and_opens_again(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "hunter2")
    with store.read() as connection:
        raw = bytes(connection.scalar(text("SELECT secret FROM credentials")))
    assert b"hunter2" not in raw
    assert stored(store, vault, account) == [(State.CURRENT, "hunter2")]


def test_the_current_one_comes_before_the_pending_one(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "new", State.PENDING)
    add(store, vault, account, "old")
    assert stored(store, vault, account) == [(State.CURRENT, "old"), (State.PENDING, "new")]


@pytest.mark.parametrize("state", list(State))
def test_a_secret_that_may_be_in_use_is_never_replaced_unasked(store: Store, vault: Vault, state: State) -> None:
    account = add_account(store)
    add(store, vault, account, "first", state)
    with pytest.raises(RecordConflict, match="already"):
        add(store, vault, account, "second", state)
    assert stored(store, vault, account) == [(state, "first")]


def test_promotion_replaces_the_current_one(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "old")
    add(store, vault, account, "new", State.PENDING)
    assert promote(store, account)
    assert stored(store, vault, account) == [(State.CURRENT, "new")]


def test_without_a_pending_one_there_is_nothing_to_promote(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "old")
    assert not promote(store, account)
    assert stored(store, vault, account) == [(State.CURRENT, "old")]


def test_a_renamed_account_keeps_its_secret(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "x")
    change_account(store, account, address="new@acme.example")
    with store.read() as connection:
        (sealed,) = credentials.of_address(connection, "acme", "new@acme.example")
    assert sealed.open(vault) == Secret("x")


def test_a_secret_copied_to_another_account_does_not_open(store: Store, vault: Vault) -> None:
    account, other = add_account(store), add_account(store, "ken@acme.example")
    add(store, vault, account, "x")
    with store.write() as connection:
        connection.execute(update(credentials.credentials).values(account_id=other.id))
    with pytest.raises(KeyProblem, match="moved from another account"):
        stored(store, vault, other)


def test_pending_ones_of_a_tenant_are_found(store: Store, vault: Vault) -> None:
    for address, tenant in (("a@x", "acme"), ("b@x", "acme"), ("c@x", "other")):
        add(store, vault, add_account(store, address, tenant=tenant), "x", State.PENDING)
    with store.read() as connection:
        found = credentials.pending(connection, "acme")
    assert len(found) == 2


def test_a_removed_secret_is_gone_and_others_stay(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "x")
    add(store, vault, account, "y", kind=Kind.APP_PASSWORD)
    with changes.change(store) as transaction:
        assert credentials.remove(transaction, account, KIND, State.CURRENT)
        assert not credentials.remove(transaction, account, KIND, State.CURRENT)
    with store.read() as connection:
        assert [sealed.kind for sealed in credentials.of_address(connection, "acme", account.address)] == [Kind.APP_PASSWORD]


def test_a_removed_account_takes_its_secrets_along(store: Store, vault: Vault) -> None:
    account = add_account(store)
    add(store, vault, account, "x")
    with changes.change(store) as transaction:
        accounts.remove(transaction, account)
    with store.read() as connection:
        assert credentials.count_by_key(connection) == {}


def test_reencryption_goes_in_steps_and_loses_nothing(store: Store, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "REENCRYPT_BATCH", 2)
    added = [add_account(store, f"u{number}@x") for number in range(5)]
    for account in added:
        add(store, vault, account, account.address)
    keyfile.change(vault.path, lambda keys: (keyfile.new_key(NOW), *keys))
    fresh = Vault(vault.path)
    assert list(steps(store, fresh)) == [2, 2, 1]
    with store.read() as connection:
        assert credentials.count_by_key(connection) == {fresh.primary: 5}
    assert [stored(store, vault, account) for account in added] == [[(State.CURRENT, account.address)] for account in added]


def test_holders_are_told_by_kind_and_state(store: Store, vault: Vault) -> None:
    sure, unsure, other = (add_account(store, f"u{number}@x") for number in range(3))
    add(store, vault, sure, "one")
    add(store, vault, unsure, "two", State.PENDING)
    add(store, vault, other, "three", kind=Kind.APP_PASSWORD)
    with store.read() as connection:
        assert credentials.holders(connection, "acme", KIND, State.CURRENT) == {sure.id}
        assert credentials.holders(connection, "acme", KIND, State.PENDING) == {unsure.id}
        assert credentials.holders(connection, "globex", KIND, State.CURRENT) == set()


def steps(store: Store, vault: Vault) -> Iterator[int]:
    after = 0
    while True:
        with store.write() as connection:
            done, after = credentials.reencrypt_some(connection, vault, after)
        if not done:
            return
        yield done
