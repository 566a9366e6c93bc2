"""What administrators change reaches every process's memory: at once in the process that changes it, within a second in all others.

Each administrative transaction gets the next number of one counter and leaves a note of what it touched. Processes read the
counter twice a second, and the notes when it has moved. The counter's row is locked for the length of the transaction, so the
numbers are in the order of the commits, on PostgreSQL too: who has seen number 7 will never find a 6 afterwards. It also means
that whatever such a transaction counts (seats, accounts of a profile) stays true until it is committed.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import gevent
from gevent.event import Event
from sqlalchemy import Connection, CursorResult, Executable, delete, insert, select, update

from cgappliance import greenlets, log
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.schema import change_counter, changes

_log = log.get()

POLL_S: Final = 0.5  #: how late other processes see a change, at most, plus the query; two small queries a second and process
KEEP: Final = 2000  #: transactions whose notes are kept; a process that is further behind forgets everything and reads anew
EVERYTHING: Final = "*"  #: the key of a note that means: all of this kind
_NOTES_MAX: Final = 500  #: notes of one transaction; more become one EVERYTHING


class Kind(enum.StrEnum):
    """What was touched."""

    ACCOUNT = "account"  #: key: the address
    PROFILE = "profile"  #: key: the name
    LOCK = "lock"  #: key: the address; whatever is remembered of its passwords is void
    CREDENTIAL = "credential"  #: key: the address
    ORDER = "order"  #: key: the order's number; tenant: "" (orders.py)


@dataclass(frozen=True, slots=True)
class Change:
    """One note."""

    tenant: str
    kind: Kind
    key: str


#: Gets the changes, or None: so many that everything is to be read anew. May block cooperatively.
Listener = Callable[[Sequence[Change] | None], None]


@dataclass(slots=True)
class Transaction:
    """An administrative transaction: a connection, and the notes of what it touches."""

    connection: Connection
    number: int  #: of this change; the next one's is higher
    notes: set[Change] = field(default_factory=set)

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement."""
        return cast(CursorResult[Any], self.connection.execute(statement, parameters))

    def touch(self, tenant: str, kind: Kind, key: str) -> None:
        """Note what other processes must read anew."""
        self.notes.add(Change(tenant, kind, key))


@contextlib.contextmanager
def change(store: Store) -> Iterator[Transaction]:
    """Lend a transaction that no other administrative one runs beside; commit it and tell everybody when the block ends.

    Raises:
        StoreUnavailable: the database failed; nothing was changed.
    """
    with store.write() as connection:
        number = connection.scalar(update(change_counter).values(n=change_counter.c.n + 1).returning(change_counter.c.n)) or 0
        transaction = Transaction(connection, number)
        yield transaction
        notes = _condensed(transaction.notes)
        if notes:
            rows = [{"n": number, "tenant": note.tenant, "kind": note.kind, "key": note.key} for note in notes]
            connection.execute(insert(changes), rows)
        connection.execute(delete(changes).where(changes.c.n <= number - KEEP))
    for listener in store.listeners:
        try:
            listener(notes)
        except StoreUnavailable as error:  # the change is made; the next look of its feed tells the listener again
            _log.error("store.unavailable", queue="change", detail=str(error))


def latest(connection: Connection) -> int:
    """Return the number of the last change that this connection sees."""
    return connection.scalar(select(change_counter.c.n)) or 0


class ChangeFeed:
    """Tells a process's listener what others have changed, from ``seen`` on."""

    def __init__(self, store: Store, listener: Listener, seen: int, poll_s: float = POLL_S) -> None:
        """Prepare; nothing happens before ``start``.

        Args:
            store: where changes are noted.
            listener: is told, one call after the other.
            seen: the number of the last change that the listener knows (``latest``).
            poll_s: seconds between two looks.
        """
        self._store = store
        self._listener = listener
        self._seen = seen
        self._poll_s = poll_s
        self._stopping = Event()
        self._greenlet: gevent.Greenlet | None = None
        self.healthy = True  #: whether the last look succeeded

    def start(self) -> None:
        """Begin to look, and to hear of this process's own changes at once. Does not block."""
        self._store.listeners.append(self._listener)
        self._greenlet = greenlets.spawn("change feed", self._run)

    def stop(self) -> None:
        """End. Blocks for a look that is under way."""
        self._store.listeners.remove(self._listener)
        self._stopping.set()
        if self._greenlet is not None:
            self._greenlet.join()

    def look(self) -> None:
        """Tell the listener what is new. Blocks cooperatively.

        Raises:
            StoreUnavailable: the database cannot be asked; the next look will tell.
        """
        with self._store.read() as connection:
            newest = latest(connection)
            if newest == self._seen:
                return
            found = connection.execute(select(changes).where(changes.c.n > self._seen, changes.c.n <= newest)).all()
        complete = self._seen <= newest <= self._seen + KEEP  # a restored backup may count from an older number
        self._listener([Change(row.tenant, Kind(row.kind), row.key) for row in found] if complete else None)
        self._seen = newest

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self.look()
            except StoreUnavailable as error:
                if self.healthy:
                    _log.error("store.unavailable", queue="change feed", detail=str(error))
                self.healthy = False
            else:
                self.healthy = True


def _condensed(notes: set[Change]) -> list[Change]:
    if len(notes) <= _NOTES_MAX:
        return sorted(notes, key=lambda note: (note.tenant, note.kind, note.key))
    return sorted({Change(note.tenant, note.kind, EVERYTHING) for note in notes}, key=lambda note: (note.tenant, note.kind))
