"""The counters of ``policy/lockout.py``, shared by all processes and nodes.

A bind is reserved before the directory is asked, and what came of it is noted afterwards. Both are a few rows; logins that come
together share a transaction (``group_commit.py``), and within one each account's moves follow each other. SQLite's only writer, or
the row's lock at PostgreSQL, makes a move atomic.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select, tuple_

from cgappliance.policy import lockout
from cgappliance.policy.lockout import Answer, Limits, Result
from cgappliance.store.changes import Kind, Transaction, change
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.group_commit import GroupCommit
from cgappliance.store.lockout_rows import Key, LockoutRows, States
from cgappliance.store.schema import lockouts

WRITE_TIMEOUT_S: Final = 5.0  #: for a reservation or its end; the login's own deadline is longer
LINGER_S: Final = 0.05  #: how long the end of an accepted bind may wait for company; until then another process's login waits too
SWEEP_BATCH: Final = 500  #: forgotten accounts a deleting transaction


@dataclass(frozen=True, slots=True)
class Reserved:
    """The answer to a reservation."""

    answer: Answer
    bind_id: str = ""


@dataclass(frozen=True, slots=True)
class _Reserve:
    key: Key
    digest: str


@dataclass(frozen=True, slots=True)
class _Resolve:
    key: Key
    bind_id: str
    result: Result


class SharedLockouts:
    """One process's access to the counters."""

    def __init__(
        self,
        store: Store,
        limits: Limits | None = None,
        now: Callable[[], float] = time.time,
        *,
        node: str = "",
        incarnation: str = "",
    ) -> None:
        """Count by ``limits``; nothing works before ``start``.

        Args:
            store: where the counters are.
            limits: the same in all processes and nodes.
            now: epoch seconds.
            node: this machine's name.
            incarnation: unique to this process's life; ``close_lost`` finds by it what a crash left open.
        """
        self.limits = limits or Limits()
        self._store = store
        self._now = now
        self._born_at = now()
        self._rows = LockoutRows(store)
        self._owner = f"{node}/{incarnation}/"
        queue: GroupCommit[_Reserve | _Resolve, Reserved] = GroupCommit("lockout writer", self._commit, linger_s=LINGER_S)
        self._queue = queue

    def start(self) -> None:
        """Begin to work. Does not block."""
        self._queue.start()

    def stop(self, timeout_s: float) -> None:
        """Note what is queued and end. Blocks up to ``timeout_s`` seconds."""
        self._queue.stop(timeout_s)

    def close_lost(self, node: str, alive: Collection[str]) -> int:
        """Give up the binds of processes of ``node`` that are no more, and return how many accounts had one. Blocks cooperatively.

        They count as binds without answer. Without this, the login that a process died with would wait for the lease to run out.

        Args:
            node: this machine's name.
            alive: incarnations that still run; those that were started after this process need not be known.

        Raises:
            StoreUnavailable: the database failed; nothing has changed.
        """
        now = self._now()
        mine, theirs = f"{node}/", tuple(f"{node}/{incarnation}/" for incarnation in alive)

        def is_lost(bind: lockout.Bind) -> bool:
            return bind.id.startswith(mine) and not bind.id.startswith(theirs) and bind.at <= self._born_at

        def give_up(states: States) -> None:
            for key, state in states.items():
                states[key] = lockout.abandoned(state, is_lost, now)

        lost = [
            key
            for key, state in self._rows.touched_since(now - self.limits.lease_s)
            if any(map(is_lost, lockout.open_binds(state)))
        ]
        if lost:
            self._rows.change(sorted(lost), now, give_up)
        return len(lost)

    def reserve(self, tenant: str, address: str, digest: str) -> Reserved:
        """Ask for one bind; with GO it counts from now on. Blocks cooperatively.

        Raises:
            StoreUnavailable: it could not be counted, so there must be no bind.
        """
        return self._queue.ask(_Reserve((tenant, address), digest), WRITE_TIMEOUT_S)

    def resolve(self, tenant: str, address: str, bind_id: str, result: Result) -> bool:
        """Note how a reserved bind ended, and return whether that locked the account. Blocks, but for a right password.

        A right password is noted along with somebody else's bind, or in a moment: until then the bind counts as under way.

        Raises:
            StoreUnavailable: it could not be noted; the bind counts as one without answer.
        """
        end = _Resolve((tenant, address), bind_id, result)
        if result is Result.ACCEPTED:
            if not self._queue.post(end):
                raise StoreUnavailable("store: too many ends of binds wait to be noted")
            return False
        done = self._queue.ask(end, WRITE_TIMEOUT_S)
        if done.answer is not Answer.LOCKED:
            return False
        with change(self._store) as transaction:  # other processes may still remember a right password
            transaction.touch(tenant, Kind.LOCK, address)
        return True

    def _commit(self, batch: Sequence[_Reserve | _Resolve]) -> Sequence[Reserved]:
        now = self._now()
        keys = sorted({request.key for request in batch})
        return self._rows.change(keys, now, lambda states: self._move_all(states, batch, now))

    def _move_all(self, states: States, batch: Sequence[_Reserve | _Resolve], now: float) -> list[Reserved]:
        """Ends first: what is over shall be in nobody's way."""
        answers = {id(request): self._move(states, request, now) for request in batch if isinstance(request, _Resolve)}
        answers |= {id(request): self._move(states, request, now) for request in batch if isinstance(request, _Reserve)}
        return [answers[id(request)] for request in batch]

    def _move(self, states: States, request: _Reserve | _Resolve, now: float) -> Reserved:
        state = states[request.key]
        if isinstance(request, _Reserve):
            bind_id = self._owner + secrets.token_hex(8)
            states[request.key], answer = lockout.reserve(state, bind_id, request.digest, now, self.limits)
            return Reserved(answer, bind_id)
        after = lockout.resolve(state, request.bind_id, request.result, now, self.limits)
        states[request.key] = after
        return Reserved(Answer.LOCKED if after.locked_until > state.locked_until else Answer.GO)


def unlock(transaction: Transaction, tenant: str, address: str) -> bool:
    """Forget all that counts against an account, and return whether there was anything.

    The directory may then see as many bad binds again as the limits allow.
    """
    transaction.touch(tenant, Kind.LOCK, address)
    return transaction.execute(delete(lockouts).where(lockouts.c.tenant == tenant, lockouts.c.address == address)).rowcount > 0


def locked_until(connection: Connection, tenant: str, addresses: Iterable[str]) -> dict[str, datetime]:
    """Return until when those of ``addresses`` that were ever locked are or were so."""
    where = (lockouts.c.tenant == tenant, lockouts.c.address.in_(list(addresses)), lockouts.c.locked_until.is_not(None))
    return {row.address: row.locked_until for row in connection.execute(select(lockouts).where(*where))}


def sweep(store: Store, before: datetime) -> int:
    """Delete the counters that nobody has touched since ``before``, a few at a time, and return how many. Blocks cooperatively.

    ``before`` is to lie further back than the longest of the limits; then nothing is deleted that still counts.

    Raises:
        StoreUnavailable: the database failed.
    """
    old = select(lockouts.c.tenant, lockouts.c.address).where(lockouts.c.touched_at < before).limit(SWEEP_BATCH)
    total = 0
    while True:
        with store.write() as connection:
            keys = [tuple(row) for row in connection.execute(old)]
            still_old = (tuple_(lockouts.c.tenant, lockouts.c.address).in_(keys), lockouts.c.touched_at < before)
            total += connection.execute(delete(lockouts).where(*still_old)).rowcount
        if len(keys) < SWEEP_BATCH:
            return total
