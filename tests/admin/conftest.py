"""An administrator's desk, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cgappliance.admin.desk import Actor, Desk
from cgappliance.model import Tenant
from cgappliance.store import keyfile
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from cgappliance.testing.stores import PostgresqlStores, sqlite_store
from tests.policy.factories import profile, tenant

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # Tuesday noon in Tokyo
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlStores]:
    with PostgresqlStores() as stores:
        yield stores


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        with sqlite_store(tmp_path) as store:
            yield store
    else:
        with request.getfixturevalue("postgresql").store() as store:
            yield store


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, Actor("root", "command line"), lambda: NOW)


@pytest.fixture
def acme() -> Tenant:
    """Three seats, one profile in the file, no default."""
    return tenant(seats=3, profiles={"office": profile("203.0.113.0/24")})


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    keyfile.create(tmp_path / "store.key", NOW)
    return Vault(tmp_path / "store.key")
