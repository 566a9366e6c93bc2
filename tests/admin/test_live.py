from __future__ import annotations

from typing import Any

import pytest

from cgappliance.admin import live
from cgappliance.admin.desk import Desk
from cgappliance.model import MailProtocol, Tenant
from cgappliance.store.errors import RecordMissing
from tests.admin.trail import actions, last

ROW = {"session": "s-1", "tenant": "acme", "account": "yuki@acme.example", "protocol": "imap", "peer": "203.0.113.5", "client": "T"}
MOVED = {"seconds": 90.0, "idle_s": 3.0, "bytes_up": 1, "bytes_down": 2}


class Appliance:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    def ask(self, command: str, **where: str) -> Any:
        self.asked.append((command, where))
        return [{**ROW, **MOVED}] if command == "sessions" else 1


def test_only_the_tenants_own_sessions_are_asked_for(acme: Tenant) -> None:
    appliance = Appliance()
    (found,) = live.listing(appliance.ask, acme)
    assert (found.account, found.protocol, str(found.remote_ip)) == ("yuki@acme.example", MailProtocol.IMAP, "203.0.113.5")
    assert appliance.asked == [("sessions", {"tenant": "acme"})]


def test_ending_a_session_names_tenant_and_session_and_is_logged(desk: Desk, acme: Tenant) -> None:
    appliance = Appliance()
    live.end(desk, appliance.ask, acme, "s-1")
    assert appliance.asked[-1] == ("kick", {"tenant": "acme", "session": "s-1"})
    assert (last(desk).action, last(desk).target) == ("session.end", "yuki@acme.example")


@pytest.mark.parametrize("session", ["", "s-2"])
def test_a_session_that_is_not_there_ends_nobody_elses(desk: Desk, acme: Tenant, session: str) -> None:
    appliance = Appliance()
    with pytest.raises(RecordMissing):
        live.end(desk, appliance.ask, acme, session)
    assert [command for command, _ in appliance.asked] == ["sessions"]
    assert actions(desk) == []
