"""Fresh stores for tests, on either database, with the schema in place.

A conftest makes one ``PostgresqlStores`` for the session and asks it, or ``sqlite_store``, for a store per test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.store import migrate
from cgappliance.store.engine import Store
from cgappliance.testing.lab.postgresql import PostgreSQL


@contextlib.contextmanager
def sqlite_store(folder: Path) -> Iterator[Store]:
    """Lend a store in a new file in ``folder``."""
    with Store.open(sqlite_url(folder)) as store:
        migrate.upgrade(store)
        yield store


def sqlite_url(folder: Path) -> str:
    """Return the URL of the file that ``sqlite_store`` uses."""
    return f"sqlite:///{folder / 'cgappliance.db'}"


class PostgresqlStores:
    """A real PostgreSQL that hands out migrated databases: one is migrated, the others are its copies."""

    def __init__(self) -> None:
        self.server = PostgreSQL()
        self._template = ""

    def __enter__(self) -> Self:
        self.server.start()
        url = self.server.create_database()
        with Store.open(url) as store:
            migrate.upgrade(store)
        self._template = url.rpartition("/")[2]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.stop()

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Lend the URL of a new database with the schema in place."""
        url = self.server.create_database(self._template)
        try:
            yield url
        finally:
            self.server.drop_database(url)

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """Lend a store in a new database."""
        with self.database() as url, Store.open(url) as store:
            yield store
