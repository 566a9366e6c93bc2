"""Where an administrator works: who it is, with which store, by which clock; and the audit log that every change goes through.

Command line and web site make a ``Desk`` for each command or request and call the functions of this room with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cgappliance.store import audit
from cgappliance.store.audit import Values
from cgappliance.store.changes import Transaction, change
from cgappliance.store.engine import Connection, Store


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who changes something."""

    name: str  #: "root", "taro@acme.example"
    origin: str  #: from where: "command line", an IP address


def utc_now() -> datetime:
    """Return the moment, the default clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Work:
    """One change, in one transaction: all of it or nothing, and what it did in the audit log."""

    transaction: Transaction
    actor: Actor
    now: datetime

    @property
    def connection(self) -> Connection:
        """The transaction's connection, to read what it changes."""
        return self.transaction.connection

    def log(
        self, tenant: str, action: str, target: str, *, before: Values | None = None, after: Values | None = None, reason: str = ""
    ) -> None:
        """Write to the audit log."""
        audit.write(
            self.connection,
            at=self.now,
            tenant=tenant,
            actor=self.actor.name,
            origin=self.actor.origin,
            action=action,
            target=target,
            before=before,
            after=after,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What a function of this room needs to know."""

    store: Store
    actor: Actor
    now: Callable[[], datetime] = field(default=utc_now)

    @contextlib.contextmanager
    def work(self) -> Iterator[Work]:
        """Lend a transaction that no other administrator works beside; it is committed when the block ends without an exception.

        Raises:
            StoreUnavailable: the database failed; nothing was changed.
        """
        with change(self.store) as transaction:
            yield Work(transaction, self.actor, self.now())
