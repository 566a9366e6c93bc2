from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from cgappliance.secret import Secret
from cgappliance.store import audit
from cgappliance.store.audit import Filter
from cgappliance.store.engine import Store
from tests.store.people import NOW


def write(store: Store, **changes: Any) -> None:
    values: dict[str, Any] = {
        "at": NOW,
        "tenant": "acme",
        "actor": "root",
        "origin": "command line",
        "action": "account.disable",
        "target": "yuki@acme.example",
    }
    with store.write() as connection:
        audit.write(connection, **(values | changes))


def targets(store: Store, **where: Any) -> list[str]:
    return [entry.target for entry in audit.walk(store, Filter(**where))]


def test_an_entry_tells_who_what_where_why_before_and_after(store: Store) -> None:
    write(store, before={"enabled": True}, after={"enabled": False}, reason="left the company")
    (entry,) = audit.page(store, Filter())
    assert (entry.at, entry.actor, entry.origin, entry.action, entry.target) == (
        NOW,
        "root",
        "command line",
        "account.disable",
        "yuki@acme.example",
    )
    assert (entry.before, entry.after, entry.reason) == ({"enabled": True}, {"enabled": False}, "left the company")


def test_nothing_before_is_nothing_and_not_json(store: Store) -> None:
    write(store, after={})
    (entry,) = audit.page(store, Filter())
    assert (entry.before, entry.after) == (None, {})


def test_a_secret_cannot_get_in(store: Store) -> None:
    with pytest.raises((TypeError, StatementError), match="not JSON serializable"):
        write(store, after={"password": Secret("hunter2")})
    assert audit.page(store, Filter()) == []


def test_filters_find_entries_newest_first(store: Store) -> None:
    write(store, target="a")
    write(store, target="b", tenant="other")
    write(store, target="c", actor="ken")
    write(store, target="d", action="account.enable")
    write(store, target="e", action="accounting.enable")
    write(store, target="f", at=NOW + timedelta(hours=1))
    assert targets(store) == ["f", "e", "d", "c", "b", "a"]
    assert targets(store, tenant="other") == ["b"]
    assert targets(store, actor="ken") == ["c"]
    assert targets(store, action="account.enable") == ["d"]
    assert targets(store, action="account") == ["f", "d", "c", "b", "a"]
    assert targets(store, target="a") == ["a"]
    assert targets(store, since=NOW + timedelta(seconds=1)) == ["f"]
    assert targets(store, until=NOW + timedelta(seconds=1), tenant="acme", action="account.disable") == ["c", "a"]


def test_pages_follow_each_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE_MAX", 2)
    for target in "abcde":
        write(store, target=target)
    assert targets(store) == ["e", "d", "c", "b", "a"]
    first = audit.page(store, Filter(), limit=2)
    assert [entry.target for entry in audit.page(store, Filter(), limit=1, before_id=first[-1].id)] == ["c"]


def test_long_words_are_cut_and_not_refused(store: Store) -> None:
    write(store, actor="x" * 9999, origin="x" * 9999, target="x" * 9999, reason="x" * 9999)
    (entry,) = audit.page(store, Filter())
    assert (len(entry.actor), len(entry.origin), len(entry.target), len(entry.reason)) == (320, 128, 320, 500)
