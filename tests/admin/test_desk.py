from __future__ import annotations

import contextlib

from cgappliance.admin.desk import Desk
from tests.admin.conftest import NOW
from tests.admin.trail import actions, last


def test_what_is_done_is_logged_with_who_where_and_when(desk: Desk) -> None:
    with desk.work() as work:
        work.log("acme", "account.disable", "yuki@acme.example", before={"enabled": True}, after={"enabled": False}, reason="left")
    entry = last(desk)
    assert (entry.at, entry.tenant, entry.actor, entry.origin) == (NOW, "acme", "root", "command line")
    assert (entry.action, entry.target, entry.before, entry.after, entry.reason) == (
        "account.disable",
        "yuki@acme.example",
        {"enabled": True},
        {"enabled": False},
        "left",
    )


def test_what_fails_is_not_logged(desk: Desk) -> None:
    with contextlib.suppress(RuntimeError), desk.work() as work:
        work.log("acme", "account.disable", "yuki@acme.example")
        raise RuntimeError
    assert actions(desk) == []
