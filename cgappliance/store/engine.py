"""The store's one door: connections to SQLite or PostgreSQL that never stop the hub, with a deadline on every wait.

``Store.open(url)`` once per process, after the last fork; then ``with store.read()``, ``snapshot()`` or ``write()``. The code
inside the ``with`` is the same for both databases. What a database cannot do becomes ``StoreUnavailable``, never a driver's error.

SQLite runs in native threads (``sqlite_threads.py``); PostgreSQL speaks through psycopg, whose sockets cooperate once patched.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import QueuePool

from cgappliance.config.store_url import POSTGRESQL, SQLITE, problem_of_store
from cgappliance.errors import ConfigurationError
from cgappliance.store import sqlite_threads
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.prepared import Prepared, Statement

if TYPE_CHECKING:
    from cgappliance.store.changes import Listener

__all__ = ["Connection", "Run", "Store", "parse_url"]  # other rooms pass connections on, and know SQLAlchemy by this name only

Result = TypeVar("Result")
Run = Callable[[Prepared, Sequence[Mapping[str, Any]]], list[tuple[Any, ...]]]  #: a statement for its rows; what a query has found

#: Connections per process. A query takes a millisecond, so four carry thousands a second; PostgreSQL allows 100 for all by default.
POOL_SIZE: Final = 4
#: Seconds to wait for one of them, and for SQLite's lock while another process writes: above any transaction of ours, below a
#: login's deadline.
WAIT_S: Final = 10.0
#: Seconds to reach a PostgreSQL server.
CONNECT_TIMEOUT_S: Final = 5
#: Milliseconds a statement may take at PostgreSQL; pages and batches are made to stay far below.
STATEMENT_TIMEOUT_MS: Final = 30_000

_SQLITE_PRAGMAS: Final = (
    "journal_mode = WAL",  # readers and the writer do not wait for each other
    "synchronous = FULL",  # a commit is on the disk when it returns: accepted logins survive kill -9 and a power cut
    "foreign_keys = ON",
    "journal_size_limit = 67108864",  # 64 MiB: the log shrinks again after a long export held it back
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)
#: No statement without an end, commits that mean what they say whatever the server's default, and times in UTC.
_POSTGRESQL_OPTIONS: Final = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={int(WAIT_S * 1000)} -c synchronous_commit=on -c timezone=UTC "
    "-c idle_in_transaction_session_timeout=60000"
)
_BEGIN = "cgappliance_begin"  # execution option: the statement that opens a SQLite transaction


class Store:
    """One process's connections to the database. Its methods block the calling greenlet only."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._threads = ThreadPool(POOL_SIZE + 1)  # starts no thread before one is needed: none for PostgreSQL
        self._engine = self._sqlite_engine() if self.is_sqlite else self._postgresql_engine()
        self._autocommit = self._engine if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLAlchemy's own pool would wait with a lock that stops an unpatched process; so nobody ever waits there
        self._places = BoundedSemaphore(POOL_SIZE)
        # SQLite has one writer at a time: greenlets queue here, in order, and only processes meet at the file's lock
        self._writer = BoundedSemaphore(1 if self.is_sqlite else POOL_SIZE)
        # what is written at each login has a SQLite connection of its own: one that another has overtaken reads its pages anew
        self._pen: sqlite_threads.ThreadedConnection | None = None
        self.listeners: list[Listener] = []  #: changes.py tells them of this process's own changes

    @classmethod
    def open(cls, url: str) -> Self:
        """Return a store for ``sqlite:////path`` or ``postgresql+psycopg://...``. Connects to nothing yet.

        Raises:
            ConfigurationError: the URL is of no kind that the store works with.
        """
        return cls(parse_url(url))

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    def close(self) -> None:
        """Close all connections. Nobody may be using one."""
        if self._pen is not None:
            self._pen.close()
        self._engine.dispose()
        self._threads.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection for single statements that only read; each sees the database as it is at that moment.

        Raises:
            StoreUnavailable: no connection in time, or the database failed.
        """
        with self._connection(self._autocommit, None) as connection:
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection whose statements all see the database as it was at the first one; it only reads.

        Raises:
            StoreUnavailable: as ``read``.
        """
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._connection(self._engine, "BEGIN") as connection, _transaction(connection.execution_options(**options)):
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection in a transaction that is committed, and on the disk, when the block ends without an exception.

        Raises:
            StoreUnavailable: as ``read``; nothing was written, unless the connection broke during the commit itself.
        """
        with _place(self._writer), self._connection(self._engine, "BEGIN IMMEDIATE") as connection, _transaction(connection):
            yield connection

    def prepare(self, statement: Statement, columns: Sequence[str] = ()) -> Prepared:
        """Compile a statement for this database, for ``write_prepared`` and ``transact``."""
        return Prepared(statement, self._engine.dialect, columns)

    def write_prepared(self, work: Sequence[tuple[Prepared, Sequence[Mapping[str, Any]]]]) -> None:
        """Run prepared statements for their rows in one transaction; it is on the disk when this returns. Blocks cooperatively.

        Raises:
            StoreUnavailable: as ``read``; nothing was written, unless the connection broke during the commit itself.
            sqlite3.IntegrityError, sqlalchemy.exc.IntegrityError: a row cannot be stored; nothing was written.
        """
        ready = [(prepared.sql, prepared.rows(rows)) for prepared, rows in work]
        if self.is_sqlite:
            self._with_pen(lambda raw: sqlite_threads.execute_all(raw, ready))
            return
        with self.write() as connection:
            for sql, rows in ready:
                connection.exec_driver_sql(sql, cast(Any, rows))

    def transact(self, work: Callable[[Run], Result]) -> Result:
        """Return what ``work`` returns, which may run prepared statements, all in one transaction; else as ``write_prepared``.

        On SQLite all of it is one journey into a native thread, so ``work`` may only compute: no lock, no greenlet, no log.
        """
        if self.is_sqlite:
            return self._with_pen(lambda raw: work(lambda prepared, rows: _run_sqlite(raw, prepared, rows)))
        with self.write() as connection:
            return work(lambda prepared, rows: _run(connection, prepared, rows))

    def _with_pen(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with _place(self._writer), _sqlite_translated(self.url):
            if self._pen is not None and self._pen.is_broken:
                self._pen.close()
                self._pen = None
            if self._pen is None:
                self._pen = self._connect_sqlite()
            return self._pen.transact(work)

    @contextlib.contextmanager
    def _connection(self, engine: Engine, begin: str | None) -> Iterator[Connection]:
        with _place(self._places), _translated(self.url), engine.connect() as connection:
            yield connection.execution_options(**{_BEGIN: begin})

    def _sqlite_engine(self) -> Engine:
        engine = create_engine(
            self.url,
            creator=self._connect_sqlite,
            poolclass=QueuePool,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_use_lifo=True,  # the one whose pages are the freshest
            hide_parameters=True,  # an error's text never shows what was stored
        )
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _connect_sqlite(self) -> sqlite_threads.ThreadedConnection:
        path = str(Path(self.url.database or ""))
        return sqlite_threads.connect(path, self._threads, busy_timeout_s=WAIT_S, pragmas=_SQLITE_PRAGMAS)

    def _postgresql_engine(self) -> Engine:
        return create_engine(
            self.url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_pre_ping=True,  # a restarted server costs nobody a login
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": _POSTGRESQL_OPTIONS,
                "application_name": "cgappliance",
                "prepare_threshold": None,  # poolers such as PgBouncer do not keep prepared statements
            },
        )


def parse_url(text: str) -> URL:
    """Return the store's URL, checked.

    Raises:
        ConfigurationError: it is no URL, of another database, or of a SQLite database that is no file.
    """
    problem = problem_of_store(text)
    if problem is not None:
        raise ConfigurationError(f"store: {problem}")
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError) as error:  # a ValueError: the port is no number
        raise ConfigurationError("store: not a database URL (write a password's special characters as %40 and the like)") from error
    return url if url.drivername == SQLITE else url.set(drivername=POSTGRESQL[-1])


def _run_sqlite(raw: sqlite3.Connection, prepared: Prepared, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    if not prepared.is_query:
        raw.executemany(prepared.sql, prepared.rows(rows))
        return []
    return [prepared.found(row) for each in prepared.rows(rows) for row in raw.execute(prepared.sql, each).fetchall()]


def _run(connection: Connection, prepared: Prepared, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    if not prepared.is_query:
        connection.exec_driver_sql(prepared.sql, cast(Any, prepared.rows(rows)))
        return []
    found = (connection.exec_driver_sql(prepared.sql, cast(Any, each)).cursor for each in prepared.rows(rows))
    return [prepared.found(row) for cursor in found for row in (cursor.fetchall() if cursor else ())]


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN)
    if statement:
        cast(sqlite_threads.ThreadedConnection, connection.connection.dbapi_connection).begin(statement)


@contextlib.contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    with connection.begin():
        yield


@contextlib.contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=WAIT_S):
        raise StoreUnavailable(f"all connections to the store were in use for {WAIT_S:g} s")
    try:
        yield
    finally:
        places.release()


@contextlib.contextmanager
def _sqlite_translated(url: URL) -> Iterator[None]:
    """As ``_translated``, for what did not pass through SQLAlchemy."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.InterfaceError, sqlite3.InternalError) as error:
        raise _unavailable(url, error) from error
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        raise _unavailable(url, error) from error


@contextlib.contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Make a driver's error ours, where the database itself failed; what a statement did wrong passes through."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError) as error:
        raise _unavailable(url, getattr(error, "orig", None) or error) from error
    except exc.DBAPIError as error:
        if not error.connection_invalidated and not _is_damage(error.orig):
            raise
        raise _unavailable(url, error.orig) from error


def _is_damage(error: object) -> bool:
    """Tell whether SQLite finds that its file is none, or spoilt: for these its driver has no class of their own."""
    return type(error) is sqlite3.DatabaseError


def _unavailable(url: URL, error: object) -> StoreUnavailable:
    file = f"{url.database}: " if url.drivername == SQLITE else ""
    remedy = " (restore a backup: 'cgappliance db restore')" if _is_damage(error) else ""
    return StoreUnavailable(f"store: {file}{_one_line(error)}{remedy}")


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
