"""Live sessions of a tenant, asked of the running appliance over its control socket; and ending one of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cgappliance.admin.desk import Desk
from cgappliance.model import IPAddress, MailProtocol, Tenant
from cgappliance.store.errors import RecordMissing

#: Asks the running appliance: the command, and its arguments. Raises CgapplianceError when it does not answer.
Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One session that is relayed now."""

    session: str
    account: str
    protocol: MailProtocol
    remote_ip: IPAddress
    client: str
    seconds: float
    idle_s: float
    bytes_up: int
    bytes_down: int


def listing(ask: Ask, tenant: Tenant) -> list[LiveSession]:
    """Return a tenant's live sessions, the oldest first. Blocks cooperatively.

    Raises:
        CgapplianceError: the appliance does not answer.
    """
    return [_session(row) for row in ask("sessions", tenant=tenant.id)]


def end(desk: Desk, ask: Ask, tenant: Tenant, session: str) -> LiveSession:
    """End a live session, with the protocol's own farewell, and return what it was.

    Raises:
        RecordMissing: the tenant has no such session any more.
        CgapplianceError: the appliance does not answer.
    """
    found = [row for row in listing(ask, tenant) if row.session == session and session]
    if not found or not ask("kick", tenant=tenant.id, session=session):
        raise RecordMissing(f"{tenant.id} has no session {session!r} any more")
    ended = found[0]
    with desk.work() as work:
        seen = {"protocol": ended.protocol, "remote_ip": str(ended.remote_ip), "session": session}
        work.log(tenant.id, "session.end", ended.account, before=seen)
    return ended


def _session(row: dict[str, Any]) -> LiveSession:
    return LiveSession(
        session=row["session"],
        account=row["account"],
        protocol=MailProtocol(row["protocol"]),
        remote_ip=ipaddress.ip_address(row["peer"]),
        client=row["client"],
        seconds=row["seconds"],
        idle_s=row["idle_s"],
        bytes_up=row["bytes_up"],
        bytes_down=row["bytes_down"],
    )
