"""Who is logged in to the web site. The browser's token is kept as a digest only, so a copy of the database lets nobody in.

A session ends when nobody has used it for a while, when it has lasted long enough, and at once when somebody ends it; which while
that is, the caller says.
"""

from __future__ import annotations

import enum
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from cgappliance.model import IPAddress
from cgappliance.secret import Secret
from cgappliance.store.schema import web_sessions

TOUCH_EVERY: Final = timedelta(seconds=30)  #: how exactly the time of the last use is known: not every click is a write
NOTICES_MAX: Final = 8  #: that wait for the next page
SWEEP_BATCH: Final = 500  #: sessions a deleting transaction


class Site(enum.StrEnum):
    """For which pages a session is good."""

    ADMIN = "admin"
    USER = "user"


class Source(enum.StrEnum):
    """What has verified the password."""

    LOCAL = "local"  #: the appliance itself
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session begins with."""

    tenant: str
    site: Site
    subject: str
    source: Source
    role: str  #: "" on the user's pages
    remote_ip: IPAddress


@dataclass(frozen=True, slots=True)
class WebSession:
    """One session."""

    digest: str
    tenant: str
    site: Site
    subject: str
    source: Source
    role: str
    remote_ip: IPAddress
    created_at: datetime
    seen_at: datetime
    notices: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long sessions last."""

    idle: timedelta
    absolute: timedelta


def begin(connection: Connection, new: NewSession, now: datetime) -> Secret:
    """Add a session and return the token for the browser; it stands nowhere else."""
    token = secrets.token_urlsafe(32)
    values = {name: getattr(new, name) for name in NewSession.__dataclass_fields__}
    stamps = {"digest": _digest(token), "created_at": now, "seen_at": now, "notices": []}
    connection.execute(insert(web_sessions).values(**values, **stamps))
    return Secret(token)


def find(connection: Connection, token: Secret, lifetime: Lifetime, now: datetime) -> WebSession | None:
    """Return the session of a token, or None when there is none or it is over."""
    row = connection.execute(select(web_sessions).where(web_sessions.c.digest == _digest(token.reveal()))).one_or_none()
    if row is None or now - row.seen_at >= lifetime.idle or now - row.created_at >= lifetime.absolute:
        return None
    return WebSession(**{**row._mapping, "site": Site(row.site), "source": Source(row.source)})


def touch(connection: Connection, session: WebSession, now: datetime) -> None:
    """Note that a session is used."""
    connection.execute(update(web_sessions).where(web_sessions.c.digest == session.digest).values(seen_at=now))


def set_notices(connection: Connection, session: WebSession, notices: Sequence[Mapping[str, Any]]) -> None:
    """Keep what the next page is to say; the oldest are dropped when they are too many."""
    kept = list(notices)[-NOTICES_MAX:]
    connection.execute(update(web_sessions).where(web_sessions.c.digest == session.digest).values(notices=kept))


def end(connection: Connection, session: WebSession) -> None:
    """Remove a session."""
    connection.execute(delete(web_sessions).where(web_sessions.c.digest == session.digest))


def end_of(connection: Connection, tenant: str, site: Site, subject: str) -> int:
    """Remove all sessions of somebody, and return how many there were."""
    where = (web_sessions.c.tenant == tenant, web_sessions.c.site == site, web_sessions.c.subject == subject)
    return connection.execute(delete(web_sessions).where(*where)).rowcount


def sweep(connection: Connection, lifetime: Lifetime, now: datetime) -> int:
    """Remove sessions that are over, up to SWEEP_BATCH of them, and return how many."""
    over = (web_sessions.c.seen_at <= now - lifetime.idle) | (web_sessions.c.created_at <= now - lifetime.absolute)
    some = select(web_sessions.c.digest).where(over).limit(SWEEP_BATCH)
    return connection.execute(delete(web_sessions).where(web_sessions.c.digest.in_(some.scalar_subquery()))).rowcount


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
