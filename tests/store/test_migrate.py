from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from cgappliance.store import migrate, migrations
from cgappliance.store.engine import Store
from cgappliance.store.errors import SchemaMismatch
from cgappliance.store.migrate import Upgraded
from cgappliance.store.schema import SCHEMA_VERSION, metadata


def set_version(store: Store, version: str) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def test_an_empty_database_becomes_the_newest_schema(empty_url: str) -> None:
    with Store.open(empty_url) as store:
        assert migrate.upgrade(store) == Upgraded("", SCHEMA_VERSION)
        migrate.check(store)


def test_a_second_upgrade_does_nothing(store: Store) -> None:
    assert migrate.upgrade(store) == Upgraded(SCHEMA_VERSION, SCHEMA_VERSION)


def test_the_migrations_build_exactly_what_the_schema_says(store: Store) -> None:
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_schema_version_is_the_newest_migration() -> None:
    folder = Path(migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_heads() == [SCHEMA_VERSION]


def test_an_empty_database_is_refused_at_start_with_the_command_that_helps(empty_url: str) -> None:
    with Store.open(empty_url) as store, pytest.raises(SchemaMismatch, match="run 'cgappliance db upgrade'"):
        migrate.check(store)


def test_an_older_schema_is_refused_at_start_with_the_command_that_helps(store: Store) -> None:
    set_version(store, "0000")
    with pytest.raises(SchemaMismatch, match=r"schema 0000.*run 'cgappliance db upgrade'"):
        migrate.check(store)


def test_a_newer_schema_is_refused_at_start_and_by_upgrade(store: Store) -> None:
    set_version(store, "9999")
    with pytest.raises(SchemaMismatch, match="9999, newer than"):
        migrate.check(store)
    with pytest.raises(SchemaMismatch, match="9999, newer than"):
        migrate.upgrade(store)
