from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable

from cgappliance.model import MailProtocol, Outcome, Peer, Reason
from cgappliance.store import history
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.history import Cursor, Filter, State
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.testing.stores import sqlite_store
from tests.store.records import record

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def write(store: Store, *changes: dict[str, Any], at: Iterable[datetime] = (), incarnation: str = "i1", node: str = "n1") -> None:
    """Write one row for each of ``changes``, one second apart, or at the moments given."""
    moments = iter(list(at) or [NOW + timedelta(seconds=number) for number in range(len(changes))])
    writer = HistoryWriter(store, node=node, incarnation=incarnation, now=lambda: next(moments))
    writer.start()
    for number, change in enumerate(changes):
        writer.login(record(**{"session": f"s-{number}", "total_ms": 0.0, **change}))
    writer.stop(5)


def sessions(store: Store, **where: Any) -> list[str]:
    return [row.session for row in history.walk(store, Filter(**where))]


VARIED = [
    {},
    {"tenant": "other"},
    {"address": "ken@acme.example", "reason": Reason.WRONG_PASSWORD},
    {"protocol": MailProtocol.POP3, "peer": Peer.of("192.0.2.8", 1)},
    {"reason": Reason.DIRECTORY_TIMEOUT, "peer": Peer.of("2001:db8::7", 1)},
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, ["s-4", "s-3", "s-2", "s-1", "s-0"]),
        ({"tenant": "acme"}, ["s-4", "s-3", "s-2", "s-0"]),
        ({"tenant": "acme", "account": "Ken@ACME.example"}, ["s-2"]),
        ({"protocol": MailProtocol.POP3}, ["s-3"]),
        ({"outcome": Outcome.REFUSED}, ["s-2"]),
        ({"reason": "directory_timeout"}, ["s-4"]),
        ({"network": ip_network("192.0.2.7")}, ["s-2", "s-1", "s-0"]),
        ({"network": ip_network("192.0.2.8/31")}, ["s-3"]),
        ({"network": ip_network("2001:db8::/32")}, ["s-4"]),
        ({"network": ip_network("::/0")}, ["s-4", "s-3", "s-2", "s-1", "s-0"]),
        ({"session": "s-1"}, ["s-1"]),
        ({"state": State.OPEN}, ["s-3", "s-1", "s-0"]),
        ({"since": NOW + timedelta(seconds=3)}, ["s-4", "s-3"]),
        ({"until": NOW + timedelta(seconds=1)}, ["s-0"]),
        ({"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=2)}, ["s-1"]),
        ({"tenant": "acme", "protocol": MailProtocol.IMAP, "outcome": Outcome.ACCEPTED}, ["s-0"]),
    ],
)
def test_a_filter_finds_its_rows_newest_first(store: Store, where: dict[str, Any], expected: list[str]) -> None:
    write(store, *VARIED)
    assert sessions(store, **where) == expected


def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    write(store, *({} for _ in range(10)))
    seen, after = [], None
    while True:
        page = history.page(store, Filter(), limit=3, after=after)
        seen.append([row.session for row in page.rows])
        if page.next is None:
            break
        after = Cursor.parse(str(page.next))
    assert seen == [["s-9", "s-8", "s-7"], ["s-6", "s-5", "s-4"], ["s-3", "s-2", "s-1"], ["s-0"]]


def test_rows_of_one_microsecond_are_paged_too(store: Store) -> None:
    write(store, *({} for _ in range(5)), at=[NOW] * 5)
    first = history.page(store, Filter(), limit=3)
    second = history.page(store, Filter(), limit=3, after=first.next)
    assert [row.session for row in (*first.rows, *second.rows)] == ["s-4", "s-3", "s-2", "s-1", "s-0"]


def test_rows_added_while_paging_do_not_shift_the_pages(store: Store) -> None:
    write(store, *({} for _ in range(4)))
    first = history.page(store, Filter(), limit=2)
    write(store, {"session": "new"}, at=[NOW + timedelta(hours=1)])
    second = history.page(store, Filter(), limit=2, after=first.next)
    assert [row.session for row in second.rows] == ["s-1", "s-0"]


def test_a_page_that_ends_with_the_last_row_says_so(store: Store) -> None:
    write(store, {}, {})
    assert history.page(store, Filter(), limit=2).next is None


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_limit(store: Store, limit: int) -> None:
    with pytest.raises(RecordInvalid, match="between 1 and 1000"):
        history.page(store, Filter(), limit=limit)


@pytest.mark.parametrize("text", ["", "x", "1", "1-", "-1", "1-x", "9" * 40 + "-1"])
def test_a_made_up_page_is_refused(text: str) -> None:
    with pytest.raises(RecordInvalid, match="not the end of a page"):
        Cursor.parse(text)


def test_a_walk_crosses_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE_MAX", 3)
    write(store, *({} for _ in range(8)))
    assert sessions(store) == [f"s-{number}" for number in reversed(range(8))]


def test_rows_that_a_dead_process_left_open_are_lost_and_others_are_not(store: Store) -> None:
    write(store, {"session": "dead"}, incarnation="dead")
    write(store, {"session": "refused", "reason": Reason.LOCKED}, incarnation="dead")
    write(store, {"session": "draining"}, incarnation="draining")
    write(store, {"session": "elsewhere"}, incarnation="dead", node="n2")
    assert history.close_lost(store, "n1", alive=("draining",)) == 1
    assert sessions(store, state=State.LOST) == ["dead"]


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (Filter(), "ix_history_at"),
        (Filter(tenant="acme"), "ix_history_tenant_at"),
        (Filter(tenant="acme", outcome=Outcome.REFUSED), "ix_history_tenant_at"),
        (Filter(tenant="acme", account="yuki@acme.example"), "ix_history_account_at"),
        (Filter(tenant="acme", network=ip_network("192.0.2.7")), "ix_history_ip_at"),
        (Filter(session="s-1"), "ix_history_session"),
    ],
)
def test_pages_are_found_by_an_index_and_without_sorting(tmp_path: Path, where: Filter, index: str) -> None:
    plan = plan_of(tmp_path, history._query(where, Cursor(NOW, 1)))
    assert f"INDEX {index} " in plan
    assert where.session or "TEMP B-TREE" not in plan


def test_lost_rows_are_found_by_the_small_index_of_open_rows(tmp_path: Path) -> None:
    assert "INDEX ix_history_open " in plan_of(tmp_path, history._lost("n1", ("i1",)))


def plan_of(folder: Path, statement: Executable) -> str:
    """Return how SQLite would go about it."""
    with sqlite_store(folder) as store, store.read() as connection:
        compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        values = (None,) * len(compiled.positiontup or ())  # a plan does not depend on them
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all()
    return "; ".join(row.detail for row in rows)


def test_old_rows_of_one_tenant_are_deleted_in_small_steps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "EXPIRE_BATCH", 2)
    monkeypatch.setattr(history, "EXPIRE_PAUSE_S", 0.0)
    write(store, *({} for _ in range(6)))
    write(store, {"session": "other", "tenant": "other"}, at=[NOW])
    assert history.expire(store, "acme", NOW + timedelta(seconds=5)) == 5
    assert sessions(store) == ["s-5", "other"]


def test_a_reason_that_no_longer_exists_is_shown_as_it_is(store: Store) -> None:
    write(store, {})
    (row,) = history.walk(store, Filter())
    object.__setattr__(row, "reason", "abolished")
    assert row.sentence == "abolished"
