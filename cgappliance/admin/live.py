"""What the running appliance knows, asked over its control socket: a tenant's live sessions, and how its servers do.

Nobody is asked beside the appliance: it notes what logins and its own trials find (``server/watchtower.py``).
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cgappliance.admin.desk import Desk
from cgappliance.model import IPAddress, MailProtocol, Reason, Tenant
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


class Part(enum.StrEnum):
    """A part of a tenant's way to Gmail, as ``net/health.py`` names it."""

    DIRECTORY = "directory"
    TOKEN = "token"  #: Google's token endpoint, which knows the service account and its delegation
    UPSTREAM = "upstream"  #: Gmail


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How one part does."""

    part: Part
    healthy: bool | None  #: None: nobody has used it yet
    reason: Reason = Reason.ACCEPTED  #: why not
    seconds: float = 0.0  #: for so long


def health(ask: Ask, tenant: Tenant) -> list[PartHealth]:
    """Return how each part of a tenant's way does, as the appliance has found it last. Blocks cooperatively.

    Raises:
        CgapplianceError: the appliance does not answer.
    """
    found = ask("status")["health"].get(tenant.id, {})
    return [_part(part, found.get(part.value)) for part in Part]


def _part(part: Part, found: dict[str, Any] | None) -> PartHealth:
    if found is None:
        return PartHealth(part, None)
    reason = next(reason for reason in Reason if reason.value == found["reason"])
    return PartHealth(part, found["healthy"], reason, found["for_s"])


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
