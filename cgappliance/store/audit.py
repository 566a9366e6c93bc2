"""The audit log: who changed what, from where and why, before and after. Written in the transaction of the change itself.

Rows are only added. No secret is ever among the values: ``write`` refuses one, for a Secret is not JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, select

from cgappliance.store import schema
from cgappliance.store.engine import Store
from cgappliance.store.schema import audit

PAGE_MAX: Final = 1000  #: entries a page

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did."""

    id: int
    at: datetime
    tenant: str  #: "": the appliance itself
    actor: str
    origin: str
    action: str
    target: str
    before: Values | None
    after: Values | None
    reason: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; what is None or empty does not restrict."""

    tenant: str | None = None
    target: str = ""
    actor: str = ""
    action: str = ""  #: "account" finds "account.disable" too
    since: datetime | None = None  #: inclusive
    until: datetime | None = None  #: exclusive

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.tenant is not None:
            found.append(audit.c.tenant == self.tenant)
        if self.target:
            found.append(audit.c.target == self.target)
        if self.actor:
            found.append(audit.c.actor == self.actor)
        if self.action:
            found.append((audit.c.action == self.action) | audit.c.action.startswith(f"{self.action}.", autoescape=True))
        if self.since is not None:
            found.append(audit.c.at >= self.since)
        if self.until is not None:
            found.append(audit.c.at < self.until)
        return found


def write(
    connection: Connection,
    *,
    at: datetime,
    tenant: str,
    actor: str,
    origin: str,
    action: str,
    target: str,
    before: Values | None = None,
    after: Values | None = None,
    reason: str = "",
) -> None:
    """Add an entry to the transaction of ``connection``.

    Raises:
        TypeError: a value is a Secret, or nothing that JSON knows.
    """
    values = {
        "at": at,
        "tenant": tenant,
        "actor": actor[: schema.ADDRESS_MAX_CHARS],
        "origin": origin[: schema.ORIGIN_MAX_CHARS],
        "action": action,
        "target": target[: schema.ADDRESS_MAX_CHARS],
        "before": before,
        "after": after,
        "reason": reason[: schema.REASON_MAX_CHARS],
    }
    connection.execute(insert(audit), [values])


def page(store: Store, where: Filter, *, limit: int = 100, before_id: int | None = None) -> list[Entry]:
    """Return up to ``limit`` entries that match, newest first, older than the entry ``before_id``. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    query = select(audit).where(*where.conditions()).order_by(audit.c.id.desc()).limit(min(limit, PAGE_MAX))
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    with store.read() as connection:
        return [Entry(**row._mapping) for row in connection.execute(query)]


def walk(store: Store, where: Filter) -> Iterator[Entry]:
    """Yield all entries that match, newest first; memory holds one page at a time. Raises: as ``page``."""
    last: int | None = None
    while found := page(store, where, limit=PAGE_MAX, before_id=last):
        yield from found
        last = found[-1].id
