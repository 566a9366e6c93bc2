from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cgappliance.secret import Secret
from cgappliance.store import administrators, changes, keyfile, rotation
from cgappliance.store.administrators import Administrator, Role
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict, RecordMissing
from cgappliance.store.vault import Vault
from tests.store.people import NOW

HANA = {"role": Role.HELPDESK, "password_hash": "hash", "by": "root", "now": NOW}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.key"
    keyfile.create(path, NOW)
    return path


def add(store: Store, name: str = "hana", tenant: str = "acme") -> Administrator:
    with changes.change(store) as transaction:
        return administrators.add(transaction, tenant, name, **HANA)


def get(store: Store, name: str = "hana") -> Administrator:
    with store.read() as connection:
        return administrators.get(connection, "acme", name)


def give_totp(store: Store, path: Path, secret: str) -> None:
    with changes.change(store) as transaction:
        administrators.set_totp(transaction, Vault(path), get(store), Secret(secret), by="root", now=NOW)


def test_an_administrator_is_found_in_his_tenant_only(store: Store) -> None:
    made = add(store)
    with store.read() as connection:
        assert administrators.find(connection, "acme", "hana") == made
        assert administrators.find(connection, "globex", "hana") is None
        assert [one.name for one in administrators.of_tenant(connection, "acme")] == ["hana"]


def test_a_name_is_taken_once_a_tenant(store: Store) -> None:
    add(store)
    add(store, tenant="globex")
    with pytest.raises(RecordConflict, match="has an administrator 'hana' already"):
        add(store)


def test_who_is_missing_is_told_where_to_look(store: Store) -> None:
    with pytest.raises(RecordMissing, match="cgappliance admin list acme"):
        get(store)


@pytest.mark.parametrize(
    ("role", "needed", "allowed"),
    [
        (Role.ADMINISTRATOR, Role.AUDITOR, True),
        (Role.HELPDESK, Role.HELPDESK, True),
        (Role.HELPDESK, Role.ADMINISTRATOR, False),
        (Role.AUDITOR, Role.HELPDESK, False),
    ],
)
def test_a_role_includes_those_behind_it(role: Role, needed: Role, allowed: bool) -> None:
    assert role.includes(needed) is allowed


def test_the_second_factor_is_encrypted_and_bound_to_its_owner(store: Store, path: Path) -> None:
    add(store)
    give_totp(store, path, "JBSWY3DPEHPK3PXP")
    kept = get(store)
    assert kept.open_totp(Vault(path)) == Secret("JBSWY3DPEHPK3PXP")
    assert b"JBSWY3DPEHPK3PXP" not in (kept.totp_secret or b"")


def test_a_code_is_used_once_and_an_older_one_never_again(store: Store) -> None:
    made = add(store)
    with changes.change(store) as transaction:
        uses = [administrators.use_code(transaction, made, step) for step in (100, 100, 99, 101)]
    assert uses == [True, False, False, True]


def test_a_change_voids_what_processes_remember_of_the_password(store: Store) -> None:
    made = add(store)
    told: list[changes.Change] = []
    store.listeners.append(lambda found: told.extend(found or ()))
    with changes.change(store) as transaction:
        administrators.set_password(transaction, made, "other", by="root", now=NOW)
    assert told == [changes.Change("acme", changes.Kind.LOCK, "administrator:hana")]


def test_a_key_rotation_takes_second_factors_along(store: Store, path: Path) -> None:
    add(store)
    give_totp(store, path, "JBSWY3DPEHPK3PXP")
    done = rotation.rotate(store, path, NOW + timedelta(days=1))
    assert (done.reencrypted, get(store).key_id) == (1, done.key_id)
    assert get(store).open_totp(Vault(path)) == Secret("JBSWY3DPEHPK3PXP")


def test_who_was_removed_is_gone(store: Store) -> None:
    made = add(store)
    with changes.change(store) as transaction:
        administrators.remove(transaction, made)
    with store.read() as connection:
        assert administrators.of_tenant(connection, "acme") == []
