"""A bounded pool of connections to one server, and the deadline that all waits of one login share.

``failover.py`` puts one such pool in front of each server. This file knows no protocol and imports nothing of the project.

Rules of this file
    * No wait without the login's deadline: not for a free connection either.
    * A connection that a login left by an exception is never used again: its answer may still be on the way.
    * The clock comes from outside. Locks are gevent's: logins are greenlets of one thread, and one that waits lets the others run.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from gevent.lock import Semaphore

Clock = Callable[[], float]
Connection = TypeVar("Connection")

#: Connections per server and purpose. A bind takes milliseconds, so four of them carry hundreds of logins a second.
DEFAULT_POOL_SIZE = 4
#: Seconds an idle connection is kept: below the 15 minutes of Active Directory (MaxConnIdleTime) and of most firewalls.
DEFAULT_MAX_IDLE_S = 300.0


class ServerFailed(Exception):
    """A server could not be reached, broke the connection or said that it cannot serve now; the message is for the operator."""

    timed_out = False


class ServerTimedOut(ServerFailed):
    """A server, or the wait for a free connection to it, did not end before the deadline."""

    timed_out = True


class OpeningRefused(Exception):
    """A server answered and refused the appliance's own account: an outage for the login, and no reason to ask another server."""


class PoolBusy(ServerTimedOut):
    """All connections of a pool were in use until the deadline; the server itself may be well."""


class PoolGivenUp(ServerFailed):
    """The pool was given up or closed while a login waited for one of its connections."""


class Deadline:
    """The moment by which all waits of one login must have ended."""

    __slots__ = ("_at", "_clock")

    def __init__(self, timeout_s: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds left; 0.0 when it is over."""
        return max(0.0, self._at - self._clock())

    def sooner(self, limit_s: float) -> Deadline:
        """Return this deadline, or one in ``limit_s`` seconds if that is earlier."""
        return Deadline(min(limit_s, self.left_s), self._clock)


@dataclass(slots=True)
class Lease(Generic[Connection]):
    """A connection in the hands of one login."""

    connection: Connection
    reused: bool  #: True: it was idle before, so the server may have closed it meanwhile


class BoundedPool(Generic[Connection]):
    """At most ``size`` connections to one server, opened when first needed and kept for the next login."""

    def __init__(
        self,
        open_: Callable[[Deadline], Connection],
        close: Callable[[Connection], None],
        *,
        size: int = DEFAULT_POOL_SIZE,
        max_idle_s: float = DEFAULT_MAX_IDLE_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self._open = open_
        self._close = close
        self._size = size
        self._max_idle_s = max_idle_s
        self._clock = clock
        self._slots = Semaphore(size)
        self._idle: deque[tuple[float, Connection]] = deque()  # (idle since, connection), the longest idle one first
        self._given_up = 0
        self._closed = False

    @contextmanager
    def lease(self, deadline: Deadline, *, fresh: bool = False) -> Iterator[Lease[Connection]]:
        """Lend a connection to the ``with`` block; one that is left by an exception is closed, any other goes back.

        Blocks until a connection is free and, if none is idle or ``fresh`` is wanted, open.

        Raises:
            PoolBusy: none became free before the deadline.
            PoolGivenUp: another login has found out meanwhile that the server does not work, or the pool was closed.
            ServerFailed: a connection could not be opened.
            OpeningRefused: as the connector says.
        """
        given_up = self._given_up
        if not self._slots.acquire(timeout=deadline.left_s):
            raise PoolBusy(f"all {self._size} connections were busy")
        try:
            if self._closed or given_up != self._given_up:
                raise PoolGivenUp("given up while this login waited for a connection")
            lease = None if fresh else self._take_idle()
            lease = lease or Lease(self._open(deadline), reused=False)
            try:
                yield lease
            except BaseException:
                self._close(lease.connection)
                raise
            self._keep(lease.connection)
        finally:
            self._slots.release()

    def _take_idle(self) -> Lease[Connection] | None:
        while self._idle and self._clock() - self._idle[0][0] > self._max_idle_s:
            self._close(self._idle.popleft()[1])
        return Lease(self._idle.pop()[1], reused=True) if self._idle else None

    def _keep(self, connection: Connection) -> None:
        if self._closed or len(self._idle) >= self._size:
            self._close(connection)
        else:
            self._idle.append((self._clock(), connection))

    def drop_idle(self) -> None:
        """Close the connections that nobody uses: one of them has turned out to be dead."""
        while self._idle:
            self._close(self._idle.pop()[1])

    def give_up(self) -> None:
        """Close what is idle and send away the logins that wait: the server does not answer, and would not answer them either."""
        self._given_up += 1
        self.drop_idle()

    def close(self) -> None:
        """Close what is idle, and what is lent when it comes back; lend nothing more."""
        self._closed = True
        self.give_up()
