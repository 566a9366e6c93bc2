"""SQLite without stopping the hub: a DB-API connection whose every call runs in a native thread.

SQLite waits inside C, for locks and for the disk, and a C call that waits stops every greenlet of the process. So SQLAlchemy keeps
working in the calling greenlet, and only the raw ``sqlite3`` call travels to a thread of gevent's pool and back.

Rules of this file
    * Only ``sqlite3`` runs in the native threads, and what only computes. SQLAlchemy does not: its locks are gevent's in a patched
      process, and native threads that contend for those lose wake-ups.
    * A statement's rows are fetched in the same journey. Callers therefore bound their results (LIMIT, pages).
    * ``begin`` costs no journey of its own: it travels with the first statement.
    * A greenlet that is killed while it waits leaves a statement running: that connection is interrupted and never used again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

_native_lock = get_original("_thread", "allocate_lock")
_Result = TypeVar("_Result")
_Row = tuple[Any, ...]


def connect(path: str, pool: ThreadPool, *, busy_timeout_s: float, pragmas: Iterable[str]) -> ThreadedConnection:
    """Open ``path`` in a thread of ``pool`` and return the connection. Blocks the calling greenlet only.

    A new file is for its owner only; SQLite gives the files beside it (log, shared memory) the same mode.

    Raises:
        sqlite3.Error: the file cannot be opened, or a pragma was refused.
    """

    def open_it() -> sqlite3.Connection:
        with contextlib.suppress(OSError):  # it is there already, or cannot be made: SQLite says which
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        # isolation_level=None: this module begins transactions itself, the driver never does behind its back
        raw = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        try:
            for pragma in pragmas:
                raw.execute(f"PRAGMA {pragma}").fetchall()
        except BaseException:
            raw.close()
            raise
        return raw

    return ThreadedConnection(_journey(pool, open_it), pool)


class ThreadedConnection:
    """A DB-API connection for one greenlet at a time."""

    def __init__(self, raw: sqlite3.Connection, pool: ThreadPool) -> None:
        self._raw = raw
        self._pool = pool
        self._turn = _native_lock()  # a killed greenlet's statement ends before ``close`` touches the connection
        self._begin = ""
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        """Pass on what does not wait: ``create_function``, ``in_transaction``, ``isolation_level``."""
        return getattr(self._raw, name)

    def begin(self, statement: str) -> None:
        """Let ``statement`` ("BEGIN", "BEGIN IMMEDIATE") run right before the next one."""
        self._begin = statement

    def cursor(self) -> ThreadedCursor:
        """Return a new cursor."""
        return ThreadedCursor(self)

    def commit(self) -> None:
        """Commit and wait for the disk; nothing to do when nothing was begun."""
        self._begin = ""
        if self._broken or self._raw.in_transaction:
            self.run(self._raw.commit)

    def rollback(self) -> None:
        """Undo; nothing to do when nothing was begun."""
        self._begin = ""
        if self._broken or self._raw.in_transaction:
            self.run(self._raw.rollback)

    @property
    def is_broken(self) -> bool:
        """Whether a call was abandoned on it: it is good for ``close`` only."""
        return self._broken

    def transact(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return what ``work`` does with the raw connection, all in one transaction and one journey; waits for the disk.

        ``work`` runs in the native thread: see the rules of this file.

        Raises:
            sqlite3.Error: one of them failed; nothing was written.
        """
        result: _Result = self.run(_transact, self._raw, work)
        return result

    def close(self) -> None:
        """Close the connection, behind a statement that may still run on it."""
        self._broken = False
        self.run(self._raw.close)

    def run(self, function: Callable[..., _Result], *args: Any) -> _Result:
        """Run ``function(*args)`` in a thread, in this connection's turn, and return its result.

        Raises:
            sqlite3.OperationalError: an earlier call was abandoned on this connection.
        """
        if self._broken:
            raise sqlite3.OperationalError("this connection was abandoned in the middle of a statement")
        begin, self._begin = self._begin, ""

        def in_turn() -> _Result:
            with self._turn:
                if begin:
                    self._raw.execute(begin)
                return function(*args)

        try:
            return _journey(self._pool, in_turn)
        except BaseException as error:
            if not isinstance(error, Exception):  # our greenlet was told to end; the thread still works for it
                self._broken = True
                self._raw.interrupt()
            raise


class ThreadedCursor:
    """A DB-API cursor that holds the rows of its last statement."""

    arraysize = 1

    def __init__(self, connection: ThreadedConnection) -> None:
        self._connection = connection
        self._rows: list[_Row] = []
        self._next = 0
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement and fetch its rows."""
        self._take(self._connection.run(_execute, self._connection._raw.cursor(), statement, parameters))

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many parameter sets, in one journey."""
        self._take(self._connection.run(_executemany, self._connection._raw.cursor(), statement, parameters))

    def _take(self, done: tuple[sqlite3.Cursor, list[_Row]]) -> None:
        raw, self._rows = done
        self._next = 0
        self.description, self.rowcount, self.lastrowid = raw.description, raw.rowcount, raw.lastrowid
        raw.close()

    def fetchone(self) -> _Row | None:
        """Return the next row or None."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> list[_Row]:
        """Return up to ``size`` further rows."""
        start, self._next = self._next, self._next + (self.arraysize if size is None else size)
        return self._rows[start : self._next]

    def fetchall(self) -> list[_Row]:
        """Return the remaining rows."""
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


def _execute(raw: sqlite3.Cursor, statement: str, parameters: Sequence[Any]) -> tuple[sqlite3.Cursor, list[_Row]]:
    raw.execute(statement, parameters)
    return raw, raw.fetchall()


def _executemany(raw: sqlite3.Cursor, statement: str, parameters: Iterable[Sequence[Any]]) -> tuple[sqlite3.Cursor, list[_Row]]:
    raw.executemany(statement, parameters)
    return raw, []


def execute_all(raw: sqlite3.Connection, work: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Run each statement for its rows; for ``transact``."""
    for statement, rows in work:
        raw.executemany(statement, rows)


def _transact(raw: sqlite3.Connection, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
    raw.execute("BEGIN IMMEDIATE")
    try:
        result = work(raw)
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.rollback()
        raise
    return result


def _journey(pool: ThreadPool, function: Callable[[], _Result]) -> _Result:
    """Run ``function`` in a thread of ``pool``; its exception is raised here and not printed by the pool."""

    def carried() -> tuple[_Result | None, Exception | None]:
        try:
            return function(), None
        except Exception as error:  # noqa: BLE001 - carried over to the caller, whatever it is
            return None, error

    result, error = pool.apply(carried)
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]  # None is only a result when the function returned it
