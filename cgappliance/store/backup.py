"""A copy of everything in one file, and the way back: into SQLite or PostgreSQL, whichever it came from.

The file is gzip over JSON lines: what it is, then one line a row, then how many there are of each table. It is one moment of the
database, though the appliance goes on meanwhile. Secrets in it are as encrypted as in the database; the key file is not in it.
"""

from __future__ import annotations

import base64
import gzip
import ipaddress
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Column, Connection, LargeBinary, Table, exc, func, insert, select, text, tuple_, update

from cgappliance.store import migrate
from cgappliance.store.columns import SortableIp, UtcTime, microseconds
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict, RecordInvalid, SchemaMismatch, StoreError
from cgappliance.store.schema import SCHEMA_VERSION, change_counter, changes, metadata, order_answers, orders, web_sessions

FORMAT: Final = "cgappliance backup 1"
BATCH: Final = 1000  #: rows read or written at a time: about 1 MB

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file holds."""

    made_at: datetime
    rows: Mapping[str, int]  #: by table

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def tables() -> list[Table]:
    """Return the tables that are copied, those first that others refer to."""
    # notes and orders for running processes, worthless later; logins that must not come back to life
    left_out = {changes, orders, order_answers, web_sessions}
    return [table for table in metadata.sorted_tables if table not in left_out]


def backup(store: Store, path: Path, now: datetime, progress: Progress = lambda _: None) -> Backup:
    """Copy the store to a new file that only its owner can read. Blocks cooperatively, except for the file.

    Raises:
        StoreError: the file exists or cannot be written.
        SchemaMismatch: the database has another schema.
        StoreUnavailable: the database failed; there is no file.
    """
    migrate.check(store)
    with _new_file(path) as file, store.snapshot() as connection:
        _write_line(file, {"format": FORMAT, "schema": SCHEMA_VERSION, "made_at": now.isoformat()})
        counts: dict[str, int] = {}
        for table in tables():
            counts[table.name] = 0
            for row in _rows(connection, table):
                _write_line(file, [table.name, row])
                counts[table.name] += 1
                progress(1)
        _write_line(file, {"rows": counts})
    return Backup(now, counts)


def restore(store: Store, path: Path, progress: Progress = lambda _: None) -> Backup:
    """Fill an empty store of the same schema from a file, all or nothing. No process of the appliance may be running.

    Raises:
        RecordInvalid: the file is no backup, or is damaged or cut off.
        RecordConflict: the store is not empty.
        SchemaMismatch: the database or the backup has another schema.
        StoreUnavailable: the database failed; it is still empty.
    """
    migrate.check(store)
    with store.write() as connection:
        _refuse_unless_empty(connection)
        try:
            made = _load(connection, path, progress)
        except (KeyError, TypeError, ValueError, exc.IntegrityError, exc.DataError) as error:
            raise RecordInvalid(f"{path}: the backup is damaged: its rows do not fit together (take another)") from error
        if not store.is_sqlite:
            _count_on_behind_ids(connection)
    return made


def _load(connection: Connection, path: Path, progress: Progress) -> Backup:
    by_name = {table.name: table for table in tables()}
    counts = dict.fromkeys(by_name, 0)
    waiting: list[dict[str, Any]] = []
    table: Table | None = None
    lines = _lines(path)
    made_at = _header(path, next(lines, None))
    for line in lines:
        if isinstance(line, dict):
            _insert(connection, table, waiting)
            if line.get("rows") != counts or next(lines, None) is not None:  # reading on to the end also checks gzip's sum
                break
            return Backup(made_at, counts)
        name, row = line
        if table is not by_name[name] or len(waiting) >= BATCH:
            _insert(connection, table, waiting)
        table = by_name[name]
        waiting.append({column.name: _decoded(column, row[column.name]) for column in table.columns})
        counts[name] += 1
        progress(1)
    raise RecordInvalid(f"{path}: the backup is cut off or damaged: it does not end with the number of its rows (take another)")


def _insert(connection: Connection, table: Table | None, waiting: list[dict[str, Any]]) -> None:
    if table is change_counter:
        for row in waiting:
            connection.execute(update(change_counter).values(n=row["n"]))
    elif table is not None and waiting:
        connection.execute(insert(table), waiting)
    waiting.clear()


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    key = tuple_(*table.primary_key.columns)
    query = select(table).order_by(*table.primary_key.columns).limit(BATCH)
    rows = connection.execute(query).all()
    while rows:
        for row in rows:
            yield {column.name: _encoded(column, row._mapping[column.name]) for column in table.columns}
        last = tuple_(*(rows[-1]._mapping[column.name] for column in table.primary_key.columns))
        rows = connection.execute(query.where(key > last)).all()


def _encoded(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcTime):
        return microseconds(value)
    if isinstance(column.type, SortableIp):
        return str(value)
    return base64.b64encode(value).decode() if isinstance(column.type, LargeBinary) else value


def _decoded(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcTime):
        return _EPOCH + timedelta(microseconds=value)
    if isinstance(column.type, SortableIp):
        return ipaddress.ip_address(value)
    return base64.b64decode(value) if isinstance(column.type, LargeBinary) else value


def _header(path: Path, line: Any) -> datetime:
    if not isinstance(line, dict) or line.get("format") != FORMAT:
        raise RecordInvalid(f"{path}: this is no backup of this program (its first line should say {FORMAT!r})")
    if line["schema"] != SCHEMA_VERSION:
        raise SchemaMismatch(
            f"{path}: the backup has schema {line['schema']}, this version works with {SCHEMA_VERSION} "
            "(restore it with the version that made it, then upgrade)"
        )
    return datetime.fromisoformat(line["made_at"])


def _lines(path: Path) -> Iterator[Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise RecordInvalid(f"{path}: the backup cannot be read: {error} (take another)") from error


def _refuse_unless_empty(connection: Connection) -> None:
    for table in tables():
        if table is not change_counter and connection.scalar(select(func.count()).select_from(table)):
            raise RecordConflict(f"store: there are {table.name} already; a backup is restored into an empty database only")


def _count_on_behind_ids(connection: Connection) -> None:
    """Let PostgreSQL number new rows behind the restored ones; SQLite does so by itself."""
    for table in tables():
        if table.primary_key.columns.keys() == ["id"] and table is not change_counter:
            statement = "SELECT setval(pg_get_serial_sequence(:name, 'id'), (SELECT max(id) FROM {0}))"
            if connection.scalar(select(func.max(table.c.id))) is not None:
                connection.execute(text(statement.format(table.name)), {"name": table.name})


def _write_line(file: IO[str], value: Any) -> None:
    file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[str]]:
    """Lend a file that has its name, and is on the disk, only when all of it was written."""
    if path.exists():
        raise StoreError(f"{path}: there is a file already (choose another name)")
    part = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: the backup cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as file:
                yield file
            os.fsync(raw.fileno())
        part.rename(path)
    except OSError as error:
        raise StoreError(f"{path}: the backup cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
