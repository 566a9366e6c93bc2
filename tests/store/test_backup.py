from __future__ import annotations

import gzip
import json
import stat
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, select

from cgappliance.model import Peer, Reason
from cgappliance.secret import Secret
from cgappliance.store import administrators, audit, backup, changes, credentials, keyfile
from cgappliance.store.columns import SortableIp, UtcTime
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict, RecordInvalid, SchemaMismatch, StoreError
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.vault import Vault
from cgappliance.testing.stores import PostgresqlStores, sqlite_store
from tests.store.people import NOW, add_account, add_profile
from tests.store.records import END, record


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """A store with something in every table."""
    keyfile.create(tmp_path / "store.key", NOW)
    account = add_account(store)
    add_profile(store)
    with changes.change(store) as transaction:
        kinds = {"kind": credentials.Kind.APP_PASSWORD, "state": credentials.State.CURRENT}
        credentials.add(transaction, Vault(tmp_path / "store.key"), account, **kinds, secret=Secret("x"), by="test", now=NOW)
        role = administrators.Role.AUDITOR
        administrators.add(transaction, "acme", "hana", role=role, password_hash="hash", by="test", now=NOW)
        whole = {"actor": "root", "origin": "here", "action": "account.create", "target": "メール", "after": {"a": [1]}}
        audit.write(transaction.connection, at=NOW, tenant="acme", **whole)
    writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record())
    writer.ended(record(), END)
    writer.login(record(reason=Reason.LOCKED, peer=Peer.of("2001:db8::1", 1)))
    writer.stop(5)
    fill_the_rest(store)
    return store


def fill_the_rest(store: Store) -> None:
    """Put a row into every table that has none: a table that is added one day is not forgotten."""
    empty = [table for table in backup.tables() if not everything(store)[table.name]]
    with store.write() as connection:
        for table in empty:
            connection.execute(table.insert().values({column.name: anything(column) for column in table.columns}))


def anything(column: Column[Any]) -> Any:
    """Return a value that a column takes, and that differs from what it would have by itself."""
    if isinstance(column.type, UtcTime):
        return NOW
    if isinstance(column.type, SortableIp):
        return ip_address("2001:db8::7")
    return {bool: True, int: 7, str: "x", bytes: b"\x00\xff"}.get(column.type.python_type, [["1", "d", "wrong", 1.5]])


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in backup.tables()
        }


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in gzip.open(path, "rt", encoding="utf-8")]


def rewrite(path: Path, changed: list[Any]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in changed)


def test_everything_comes_back_in_another_sqlite_store(filled: Store, tmp_path: Path) -> None:
    made = backup.backup(filled, tmp_path / "b.gz", NOW)
    assert all(made.rows.values())
    (tmp_path / "other").mkdir()
    with sqlite_store(tmp_path / "other") as other:
        assert backup.restore(other, tmp_path / "b.gz") == made
        assert everything(other) == everything(filled)


@pytest.mark.integration
def test_everything_comes_back_in_postgresql_and_new_rows_follow(
    filled: Store, tmp_path: Path, postgresql: PostgresqlStores
) -> None:
    backup.backup(filled, tmp_path / "b.gz", NOW)
    with postgresql.store() as other:
        backup.restore(other, tmp_path / "b.gz")
        assert everything(other) == everything(filled)
        assert add_account(other, "later@x").id > max(row["id"] for row in everything(filled)["accounts"])


def test_the_file_is_for_its_owner_only(filled: Store, tmp_path: Path) -> None:
    backup.backup(filled, tmp_path / "b.gz", NOW)
    assert stat.S_IMODE((tmp_path / "b.gz").stat().st_mode) == 0o600


def test_many_rows_are_copied_in_steps(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "BATCH", 2)
    for number in range(7):
        add_account(store, f"u{number}@x")
    told: list[int] = []
    made = backup.backup(store, tmp_path / "b.gz", NOW, told.append)
    assert (made.rows["accounts"], sum(told)) == (7, made.total)
    (tmp_path / "other").mkdir()
    with sqlite_store(tmp_path / "other") as other:
        backup.restore(other, tmp_path / "b.gz")
        assert everything(other) == everything(store)


def test_an_existing_file_is_not_overwritten(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "b.gz").write_text("precious")
    with pytest.raises(StoreError, match="already"):
        backup.backup(filled, tmp_path / "b.gz", NOW)
    assert (tmp_path / "b.gz").read_text() == "precious"


def test_a_backup_that_fails_leaves_no_file(filled: Store, tmp_path: Path) -> None:
    def die(_: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "to").mkdir()
    with pytest.raises(KeyboardInterrupt):
        backup.backup(filled, tmp_path / "to" / "b.gz", NOW, die)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_folder_that_is_not_there_is_named(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: No such file"):
        backup.backup(filled, tmp_path / "nowhere" / "b.gz", NOW)


def test_a_store_with_something_in_it_is_not_restored_over(filled: Store, tmp_path: Path) -> None:
    backup.backup(filled, tmp_path / "b.gz", NOW)
    with pytest.raises(RecordConflict, match="empty database only"):
        backup.restore(filled, tmp_path / "b.gz")


@pytest.fixture
def other(tmp_path: Path) -> Any:
    (tmp_path / "empty").mkdir()
    with sqlite_store(tmp_path / "empty") as other:
        yield other


def test_a_backup_that_is_cut_off_restores_nothing(filled: Store, tmp_path: Path, other: Store) -> None:
    path = tmp_path / "b.gz"
    backup.backup(filled, path, NOW)
    rewrite(path, lines(path)[:-1])
    with pytest.raises(RecordInvalid, match="cut off"):
        backup.restore(other, path)
    assert everything(other)["accounts"] == []


@pytest.mark.parametrize("table", ["accounts", "audit"])
def test_a_missing_row_is_noticed(filled: Store, tmp_path: Path, other: Store, table: str) -> None:
    path = tmp_path / "b.gz"
    backup.backup(filled, path, NOW)
    rewrite(path, [line for line in lines(path) if not isinstance(line, list) or line[0] != table])
    with pytest.raises(RecordInvalid, match="damaged"):
        backup.restore(other, path)
    assert everything(other)["history"] == []


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"no json"), gzip.compress(b'{"format": "other"}\n')])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, other: Store, content: bytes) -> None:
    (tmp_path / "b.gz").write_bytes(content)
    with pytest.raises(RecordInvalid):
        backup.restore(other, tmp_path / "b.gz")


def test_a_damaged_file_restores_nothing(filled: Store, tmp_path: Path, other: Store) -> None:
    path = tmp_path / "b.gz"
    backup.backup(filled, path, NOW)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(RecordInvalid):
        backup.restore(other, path)
    assert everything(other)["accounts"] == []


def test_a_backup_of_another_schema_is_refused_with_a_remedy(filled: Store, tmp_path: Path, other: Store) -> None:
    path = tmp_path / "b.gz"
    backup.backup(filled, path, NOW)
    head, *rest = lines(path)
    rewrite(path, [{**head, "schema": "0000"}, *rest])
    with pytest.raises(SchemaMismatch, match="the version that made it"):
        backup.restore(other, path)
