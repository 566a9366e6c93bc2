"""The schema's version: what the database has, what this program works with, and the way from one to the other.

Migrations only go forward. Back is a backup (``backup.py``), for a migration that throws data away cannot bring it back.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from cgappliance.store.engine import Store
from cgappliance.store.errors import SchemaMismatch
from cgappliance.store.schema import SCHEMA_VERSION

#: PostgreSQL's advisory lock for "somebody migrates this database"; any number that no other program of the database uses.
_LOCK_ID = 0x6367_6170_706C


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which version to which; equal when there was nothing to do."""

    before: str  #: "" for an empty database
    after: str


def version(store: Store) -> str:
    """Return the database's schema version, "" for a database that has none yet. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    with store.read() as connection:
        return _version(connection)


def check(store: Store) -> None:
    """Return when the database has exactly the schema that this program works with. Called at every start.

    Raises:
        SchemaMismatch: it has not; the message says what to do.
        StoreUnavailable: the database cannot be asked.
    """
    found = version(store)
    if found == SCHEMA_VERSION:
        return
    if not found:
        raise SchemaMismatch("store: the database is empty (run 'cgappliance db upgrade')")
    if found > SCHEMA_VERSION:
        raise SchemaMismatch(_newer(found))
    raise SchemaMismatch(
        f"store: the database has schema {found}, this version needs {SCHEMA_VERSION} (run 'cgappliance db upgrade')"
    )


def upgrade(store: Store) -> Upgraded:
    """Bring the database to this program's schema, in one transaction, and say from where to where.

    Two that run at once wait for each other. Blocks cooperatively while the database works.

    Raises:
        SchemaMismatch: the database belongs to a newer version of the program.
        StoreUnavailable: the database failed; it is as it was.
    """
    # Alembic takes a quarter of a second to import, and only this command needs it
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with store.write() as connection:
        if not store.is_sqlite:  # SQLite's transaction holds the file's only write lock anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table may take minutes
        before = _version(connection)
        if before > SCHEMA_VERSION:
            raise SchemaMismatch(_newer(before))
        config = Config()
        config.set_main_option("script_location", "cgappliance.store:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_VERSION)
    return Upgraded(before, SCHEMA_VERSION)


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _newer(found: str) -> str:
    return (
        f"store: the database has schema {found}, newer than the {SCHEMA_VERSION} of this version "
        "(install the version that made it, or restore a backup from before)"
    )
