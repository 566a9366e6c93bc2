"""What the audit log says, for tests."""

from __future__ import annotations

from cgappliance.admin.desk import Desk
from cgappliance.store import audit


def actions(desk: Desk) -> list[tuple[str, str]]:
    """Return what was done to whom, the oldest first."""
    return [(entry.action, entry.target) for entry in reversed(list(audit.walk(desk.store, audit.Filter())))]


def last(desk: Desk) -> audit.Entry:
    return audit.page(desk.store, audit.Filter(), limit=1)[0]
