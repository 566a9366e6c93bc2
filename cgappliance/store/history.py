"""The access history: what is kept of each login attempt and session, and every way to ask for it.

``history_writer.py`` adds rows; this file only reads, closes rows that a killed process left open, and deletes what is too old.
Rows are shown newest first. A page is found by the place where the last one ended, not by counting rows: page 10,000 costs what
page 1 costs.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import gevent
from sqlalchemy import ColumnElement, Row, Select, Update, and_, delete, literal_column, or_, select, update

from cgappliance.model import IPAddress, IPNetwork, MailProtocol, Outcome, Reason
from cgappliance.store.columns import microseconds, network_range
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.schema import history

PAGE_MAX: Final = 1000  #: rows a page: one screen, or one step of an export; about 1 MB
EXPIRE_BATCH: Final = 500  #: rows a deleting transaction: a few milliseconds during which no login can be written on SQLite
EXPIRE_PAUSE_S: Final = 0.05  #: between two of them, so that logins go first

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State(enum.StrEnum):
    """Where the session behind a row stands."""

    OPEN = "open"  #: accepted and still relayed
    CLOSED = "closed"  #: ended, or never began: refused
    LOST = "lost"  #: its process died with it; how long it lived is not known


@dataclass(frozen=True, slots=True)
class Login:
    """One row."""

    id: int
    at: datetime  #: when the attempt began, UTC
    tenant: str
    account: str  #: the address, or what was typed where that is none
    protocol: MailProtocol
    local_port: int
    remote_ip: IPAddress
    remote_port: int
    tls_version: str
    client: str
    outcome: Outcome
    reason: str  #: a ``model.Reason`` code; text, for an older row may have a reason that there is no more
    detail: str
    state: State
    duration_ms: int | None  #: of the attempt, or of the whole session; None: open or lost
    phases_ms: Mapping[str, float]
    bytes_up: int
    bytes_down: int
    ended_by: str
    end_detail: str
    session: str
    node: str

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return next((known.sentence for known in Reason if known.value == self.reason), self.reason)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{microseconds(self.at)}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor that ``str`` made.

        Raises:
            RecordInvalid: it did not.
        """
        moment, _, number = text.partition("-")
        try:
            return cls(_EPOCH + timedelta(microseconds=int(moment)), int(number))
        except (ValueError, OverflowError):
            raise RecordInvalid(f"page: {text[:40]!r} is not the end of a page (take it from the page before)") from None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows; what is None or empty does not restrict."""

    tenant: str | None = None  #: None: all tenants, for the operator
    account: str = ""
    since: datetime | None = None  #: inclusive
    until: datetime | None = None  #: exclusive
    protocol: MailProtocol | None = None
    outcome: Outcome | None = None
    reason: str = ""
    network: IPNetwork | None = None
    session: str = ""
    state: State | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter in SQL."""
        found: list[ColumnElement[bool]] = [
            column == value
            for column, value in (
                (history.c.tenant, self.tenant),
                (history.c.account, self.account.strip().lower()),
                (history.c.protocol, self.protocol),
                (history.c.outcome, self.outcome),
                (history.c.reason, self.reason),
                (history.c.session, self.session),
                (history.c.state, self.state),
            )
            if value
        ]
        if self.since is not None:
            found.append(history.c.at >= self.since)
        if self.until is not None:
            found.append(history.c.at < self.until)
        if self.network is not None:
            first, last = network_range(self.network)
            found.append(history.c.remote_ip == first if first == last else history.c.remote_ip.between(first, last))
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first."""

    rows: tuple[Login, ...]
    next: Cursor | None = field(default=None)  #: where to go on; None: there are no more


def page(store: Store, where: Filter, *, limit: int = 100, after: Cursor | None = None) -> Page:
    """Return up to ``limit`` rows that match, from ``after`` on. Blocks cooperatively.

    Raises:
        RecordInvalid: ``limit`` is not between 1 and PAGE_MAX.
        StoreUnavailable: the database cannot be asked.
    """
    if not 1 <= limit <= PAGE_MAX:
        raise RecordInvalid(f"limit: {limit} is not between 1 and {PAGE_MAX}")
    with store.read() as connection:
        found = connection.execute(_query(where, after).limit(limit + 1)).all()
    rows = tuple(_login(row) for row in found[:limit])
    more = len(found) > limit
    return Page(rows, Cursor(rows[-1].at, rows[-1].id) if more else None)


def walk(store: Store, where: Filter) -> Iterator[Login]:
    """Yield all rows that match, newest first, however many: memory holds one page at a time. Blocks cooperatively.

    Rows that are added meanwhile are not seen. Raises: as ``page``.
    """
    after: Cursor | None = None
    while True:
        found = page(store, where, limit=PAGE_MAX, after=after)
        yield from found.rows
        if found.next is None:
            return
        after = found.next


def close_lost(store: Store, node: str, alive: Collection[str]) -> int:
    """Mark the open rows of processes of ``node`` that are no more as lost, and return how many they were. Blocks cooperatively.

    ``alive`` are the incarnations that still run, a draining worker's too; none when the appliance starts.

    Raises:
        StoreUnavailable: the database failed.
    """
    with store.write() as connection:
        return connection.execute(_lost(node, alive)).rowcount


def expire(store: Store, tenant: str, before: datetime) -> int:
    """Delete a tenant's rows older than ``before``, a few at a time, and return how many they were. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database failed; what was deleted stays so.
    """
    old = select(history.c.id).where(history.c.tenant == tenant, history.c.at < before).order_by(history.c.at).limit(EXPIRE_BATCH)
    total = 0
    while True:
        with store.write() as connection:
            deleted = connection.execute(delete(history).where(history.c.id.in_(old.scalar_subquery()))).rowcount
        total += deleted
        if deleted < EXPIRE_BATCH:
            return total
        gevent.sleep(EXPIRE_PAUSE_S)


def _lost(node: str, alive: Collection[str]) -> Update:
    # the state stands in the statement itself, or SQLite would not see that the small index of open rows is meant
    dead = and_(history.c.state == literal_column("'open'"), history.c.node == node, history.c.incarnation.not_in(list(alive)))
    return update(history).where(dead).values(state=State.LOST)


def _query(where: Filter, after: Cursor | None) -> Select[Any]:
    query = select(history).where(*where.conditions()).order_by(history.c.at.desc(), history.c.id.desc())
    if after is None:
        return query
    # the first condition is what an index can use; the second cuts the rows of that very microsecond
    return query.where(history.c.at <= after.at, or_(history.c.at < after.at, history.c.id < after.id))


def _login(row: Row[Any]) -> Login:
    values = dict(row._mapping)
    del values["incarnation"]
    return Login(
        **{
            **values,
            "protocol": MailProtocol(row.protocol),
            "outcome": Outcome(row.outcome),
            "state": State(row.state),
        }
    )
