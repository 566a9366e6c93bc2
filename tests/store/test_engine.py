from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import gevent
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

from cgappliance.errors import ConfigurationError
from cgappliance.store import engine
from cgappliance.store.engine import Store, parse_url
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.schema import change_counter
from cgappliance.testing.lab.process import clean_environment
from cgappliance.testing.stores import PostgresqlStores

ROOT = Path(__file__).parents[2]

ADD_ONE = update(change_counter).values(n=change_counter.c.n + 1)
COUNT = select(change_counter.c.n)


def count(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(COUNT).scalar_one()


def add_one(store: Store) -> None:
    with store.write() as connection:
        connection.execute(ADD_ONE)


def test_what_a_write_block_did_is_there_after_it(store: Store) -> None:
    add_one(store)
    assert count(store) == 1


def test_a_write_block_that_raises_leaves_nothing(store: Store) -> None:
    with contextlib.suppress(RuntimeError), store.write() as connection:
        connection.execute(ADD_ONE)
        raise RuntimeError
    assert count(store) == 0


def test_many_greenlets_write_and_none_is_lost(store: Store) -> None:
    gevent.joinall([gevent.spawn(add_one, store) for _ in range(30)], timeout=30, raise_error=True)
    assert count(store) == 30


def test_a_snapshot_does_not_see_what_is_committed_meanwhile(store: Store) -> None:
    with store.snapshot() as connection:
        before = connection.execute(COUNT).scalar_one()
        add_one(store)
        assert connection.execute(COUNT).scalar_one() == before
    assert count(store) == before + 1


@pytest.mark.integration
def test_a_snapshot_refuses_to_write_on_postgresql(postgresql: PostgresqlStores) -> None:
    with postgresql.store() as store, pytest.raises(StoreUnavailable, match="read-only"), store.snapshot() as connection:
        connection.execute(ADD_ONE)


def test_a_killed_greenlet_leaves_the_store_usable(store: Store) -> None:
    writer = gevent.spawn(lambda: [add_one(store) for _ in range(1000)])
    gevent.sleep(0.02)  # some of its thousand transactions are under way
    writer.kill(timeout=10)
    before = count(store)
    add_one(store)
    assert count(store) == before + 1


def test_no_free_connection_is_said_after_the_deadline(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WAIT_S", 0.05)
    with store.read(), store.read(), store.read(), store.read(), pytest.raises(StoreUnavailable, match="in use"), store.read():
        pass


def test_a_missing_folder_is_unavailable_and_named() -> None:
    with (
        Store.open("sqlite:////nonexistent/folder/x.db") as store,
        pytest.raises(StoreUnavailable, match=r"^store: /.*: unable to open"),
        store.read(),
    ):
        pass


def test_a_file_that_is_no_database_is_unavailable_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "spoilt.db"
    file.write_bytes(b"garbage " * 1000)
    with Store.open(f"sqlite:///{file}") as store:
        for use in (store.read, store.snapshot, store.write):
            with pytest.raises(StoreUnavailable, match=r"spoilt\.db: file is not a database .*db restore"), use():
                pass
        with pytest.raises(StoreUnavailable, match="file is not a database"):
            store.transact(lambda run: run(store.prepare(COUNT), [{}]))


def test_a_server_that_is_down_is_unavailable() -> None:
    with (
        Store.open("postgresql://u@127.0.0.1:1/x") as store,
        pytest.raises(StoreUnavailable, match="Connection refused"),
        store.read(),
    ):
        pass


def test_an_error_does_not_show_what_was_stored(store: Store) -> None:
    with pytest.raises((StoreUnavailable, SQLAlchemyError)) as caught, store.write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:x)"), {"x": "hunter2"})
    assert "hunter2" not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize("url", ["mysql://u@h/d", "sqlite://", "sqlite:///relative.db", "nonsense"])
def test_a_url_that_cannot_be_a_store_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write sqlite:////"):
        parse_url(url)


def test_an_error_about_a_url_does_not_show_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url("mysql://u:hunter2@h/d")
    assert "hunter2" not in str(caught.value)


def test_a_write_that_waits_for_another_process_does_not_stop_the_hub(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with Store.open(url) as holder, Store.open(url) as waiter:
        with holder.write() as connection:
            connection.execute(text("CREATE TABLE change_counter (n INTEGER)"))
            blocked = gevent.spawn(add_one, waiter)
            assert longest_gap_s(0.3) < 0.15
            assert not blocked.ready()
        blocked.get(timeout=5)


def longest_gap_s(duration_s: float) -> float:
    """Return the longest time for which no other greenlet could run."""
    last = start = time.monotonic()
    longest = 0.0
    while last - start < duration_s:
        gevent.sleep(0.001)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


@pytest.mark.integration
def test_a_slow_query_does_not_stop_the_hub_of_a_patched_process(store: Store) -> None:
    command = [sys.executable, "-m", "tests.store.patched_hub", store.url.render_as_string(hide_password=False)]
    done = subprocess.run(command, env=clean_environment(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert int(done.stdout) < 150  # milliseconds; 3 on an idle machine, and the query takes 500
