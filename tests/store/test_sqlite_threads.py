from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.threadpool import ThreadPool

from cgappliance.store import sqlite_threads
from cgappliance.store.sqlite_threads import ThreadedConnection

#: Counts for many seconds unless it is interrupted.
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000) SELECT max(n) FROM c"


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool(2)
    yield pool
    pool.kill()


@pytest.fixture
def connection(tmp_path: Path, pool: ThreadPool) -> Iterator[ThreadedConnection]:
    connection = sqlite_threads.connect(str(tmp_path / "x.db"), pool, busy_timeout_s=0.1, pragmas=("journal_mode = WAL",))
    connection.cursor().execute("CREATE TABLE t (x)")
    yield connection
    connection.close()


def ask(connection: ThreadedConnection, statement: str) -> list[tuple[object, ...]]:
    cursor = connection.cursor()
    cursor.execute(statement)
    return cursor.fetchall()


def test_rows_are_given_one_some_or_all(connection: ThreadedConnection) -> None:
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(5)])
    cursor.execute("SELECT x FROM t ORDER BY x")
    assert (cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall(), cursor.fetchone()) == (
        (0,),
        [(1,), (2,)],
        [(3,), (4,)],
        None,
    )


def test_begin_travels_with_the_first_statement(connection: ThreadedConnection) -> None:
    connection.begin("BEGIN IMMEDIATE")
    assert not connection.in_transaction
    ask(connection, "SELECT 1")
    assert connection.in_transaction


def test_rollback_forgets_a_begin_that_did_not_travel(connection: ThreadedConnection) -> None:
    connection.begin("BEGIN IMMEDIATE")
    connection.rollback()
    ask(connection, "SELECT 1")
    assert not connection.in_transaction


def test_an_error_reaches_the_caller_and_the_connection_lives(connection: ThreadedConnection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        ask(connection, "SELECT * FROM nowhere")
    assert ask(connection, "SELECT 1") == [(1,)]


def test_a_refused_pragma_is_an_error_of_connect(tmp_path: Path, pool: ThreadPool) -> None:
    with pytest.raises(sqlite3.OperationalError):
        sqlite_threads.connect(str(tmp_path / "y.db"), pool, busy_timeout_s=0.1, pragmas=("no such syntax (",))


def test_a_new_database_is_for_its_owner_only(connection: ThreadedConnection, tmp_path: Path) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3


def test_the_mode_of_an_existing_database_is_left_alone(tmp_path: Path, pool: ThreadPool) -> None:
    (tmp_path / "x.db").touch(0o640)
    (tmp_path / "x.db").chmod(0o640)
    sqlite_threads.connect(str(tmp_path / "x.db"), pool, busy_timeout_s=0.1, pragmas=()).close()
    assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o640


def test_a_statement_does_not_stop_the_hub(connection: ThreadedConnection) -> None:
    endless = gevent.spawn(ask, connection, ENDLESS)
    ticks = 0
    while ticks < 20:
        gevent.sleep(0.001)
        ticks += 1
    assert not endless.ready()
    endless.kill()


def test_a_killed_greenlet_interrupts_its_statement_and_spoils_the_connection(connection: ThreadedConnection) -> None:
    endless = gevent.spawn(ask, connection, ENDLESS)
    gevent.sleep(0.05)
    endless.kill(timeout=5)
    with pytest.raises(sqlite3.OperationalError, match="abandoned"):
        ask(connection, "SELECT 1")


def test_close_waits_for_the_abandoned_statement(tmp_path: Path, pool: ThreadPool) -> None:
    connection = sqlite_threads.connect(str(tmp_path / "x.db"), pool, busy_timeout_s=0.1, pragmas=())
    endless = gevent.spawn(ask, connection, ENDLESS)
    gevent.sleep(0.05)
    endless.kill(timeout=5)
    with gevent.Timeout(5):
        connection.close()
