from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import gevent
import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from cgappliance.store.engine import Run, Store
from cgappliance.store.schema import history

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def columns(**changes: Any) -> dict[str, Any]:
    texts = dict.fromkeys(
        ("tls_version", "client", "outcome", "reason", "detail", "state", "ended_by", "end_detail", "session", "incarnation"), ""
    )
    who = {"tenant": "acme", "account": "yuki@acme.example", "protocol": "imap", "node": "n1"}
    numbers = dict.fromkeys(("local_port", "remote_port", "duration_ms", "bytes_up", "bytes_down"), 1)
    return {**texts, **who, **numbers, "at": NOW, "remote_ip": ip_address("192.0.2.7"), "phases_ms": {}, **changes}


def sessions(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(history.c.session).order_by(history.c.session)))


def test_rows_are_stored_with_the_columns_own_types(store: Store) -> None:
    prepared = store.prepare(insert(history), list(columns()))
    store.write_prepared([(prepared, [columns(session="a", at=NOW, remote_ip=ip_address("192.0.2.7"), phases_ms={"tls": 1.5})])])
    with store.read() as connection:
        row = connection.execute(select(history)).one()
    assert (row.at, row.remote_ip, row.phases_ms) == (NOW, ip_address("192.0.2.7"), {"tls": 1.5})


def test_constants_of_the_statement_are_kept(store: Store) -> None:
    store.write_prepared([(store.prepare(insert(history), list(columns())), [columns(session="a"), columns(session="b")])])
    close = update(history).where(history.c.session == bindparam("of"), history.c.node == columns()["node"])
    store.write_prepared([(store.prepare(close, ["ended_by"]), [{"of": "a", "ended_by": "test"}])])
    with store.read() as connection:
        assert connection.scalars(select(history.c.session).where(history.c.ended_by == "test")).all() == ["a"]


def test_all_statements_are_one_transaction(store: Store) -> None:
    prepared = store.prepare(insert(history), list(columns()))
    with pytest.raises((IntegrityError, sqlite3.IntegrityError)):
        store.write_prepared([(prepared, [columns(session="a")]), (prepared, [columns(session="b", outcome=None)])])
    assert sessions(store) == []
    store.write_prepared([(prepared, [columns(session="c")])])
    assert sessions(store) == ["c"]


def test_what_a_query_finds_has_the_columns_own_types_and_others_see_all_or_nothing(store: Store) -> None:
    add = store.prepare(insert(history), list(columns()))
    ask = store.prepare(select(history.c.at, history.c.remote_ip, history.c.phases_ms).where(history.c.session == bindparam("of")))

    def work(run: Run) -> list[tuple[Any, ...]]:
        run(add, [columns(session="a", phases_ms={"tls": 1.5})])
        return run(ask, [{"of": "a"}, {"of": "b"}])

    assert store.transact(work) == [(NOW, ip_address("192.0.2.7"), {"tls": 1.5})]
    assert sessions(store) == ["a"]


def test_work_that_raises_leaves_nothing(store: Store) -> None:
    add = store.prepare(insert(history), list(columns()))

    def work(run: Run) -> None:
        run(add, [columns(session="a")])
        raise LookupError

    with pytest.raises(LookupError):
        store.transact(work)
    assert sessions(store) == []


def test_a_writer_that_is_killed_leaves_the_store_usable(store: Store) -> None:
    add = store.prepare(insert(history), list(columns()))
    writer = gevent.spawn(lambda: [store.write_prepared([(add, [columns(session=f"k{number}")])]) for number in range(1000)])
    gevent.sleep(0.02)  # some of its thousand transactions are under way
    writer.kill(timeout=10)
    store.write_prepared([(add, [columns(session="a")])])
    assert sessions(store)[0] == "a"
