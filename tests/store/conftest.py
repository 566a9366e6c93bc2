"""Every test of the store runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cgappliance.store.engine import Store
from cgappliance.testing.stores import PostgresqlStores, sqlite_store, sqlite_url

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlStores]:
    with PostgresqlStores() as stores:
        yield stores


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with the schema in place and nothing in it."""
    if request.param == "sqlite":
        with sqlite_store(tmp_path) as store:
            yield store
    else:
        with request.getfixturevalue("postgresql").store() as store:
            yield store


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any schema."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgresql").server.create_database()
    return url
