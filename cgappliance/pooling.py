"""A bounded pool of connections to one server, and the deadline that all waits of one login share.

``failover.py`` puts one such pool in front of each server. This file knows no protocol and imports nothing of the project.

Rules of this file
    * No wait without the login's deadline: not for a free connection either.
    * A connection that a login left by an exception is never used again: its answer may still be on the way.
    * The clock comes from outside. Locks are gevent's: logins are greenlets of one thread, and one that waits lets the others run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import gevent
from gevent import get_hub
from gevent.lock import Semaphore

Clock = Callable[[], float]
Connection = TypeVar("Connection")

#: Connections per server and purpose. A bind takes milliseconds, so four of them carry hundreds of logins a second.
DEFAULT_POOL_SIZE = 4
#: Seconds an idle connection is kept: below the 15 minutes of Active Directory (MaxConnIdleTime) and of most firewalls.
DEFAULT_MAX_IDLE_S = 300.0
#: Idle connections of all pools of a process that are no crowd: 5 MB, and more than the logins of one tenant use at once.
CROWD = 128
#: Seconds an idle connection is kept in a crowd: in a rush to hundreds of directories each is asked again long before.
CROWDED_IDLE_S = 30.0
#: How often idle connections are looked through, in seconds.
SWEEP_S = 10.0


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


@dataclass(slots=True, eq=False)
class _Idle(Generic[Connection]):
    """A connection that nobody uses."""

    pool: BoundedPool[Connection]
    connection: Connection
    since: float  #: by the pool's clock


class IdleConnections:
    """The idle connections of all pools of a process, and the one timer that closes those that nobody comes back for.

    Each holds 35 KB here, and a place at the directory: with hundreds of tenants, long after the rush, that is too much of both.
    """

    def __init__(self, crowd: int = CROWD) -> None:
        """Keep them for a shorter time while there are more than ``crowd``."""
        self._crowd = crowd
        self._known: dict[_Idle[Any], None] = {}  # in the order in which they became idle
        self._timer: Any = None

    def __len__(self) -> int:
        return len(self._known)

    def add(self, idle: _Idle[Any]) -> None:
        """Watch over a connection from now on. Does not block."""
        self._known[idle] = None
        if self._timer is None:
            self._timer = get_hub().loop.timer(SWEEP_S, SWEEP_S, ref=False)  # it keeps no program from ending
            self._timer.start(self._begin_sweep)

    def remove(self, idle: _Idle[Any]) -> None:
        """Leave a connection alone: it is in use again, or closed."""
        del self._known[idle]

    def sweep(self) -> None:
        """Close what has been idle for too long; the timer rests when nothing is left. Does not block."""
        for idle in list(self._known):
            limit_s = CROWDED_IDLE_S if len(self._known) > self._crowd else math.inf
            idle.pool.close_if_stale(idle, limit_s)
        if not self._known and self._timer is not None:
            self._timer.close()
            self._timer = None

    def _begin_sweep(self) -> None:
        gevent.spawn(self.sweep)  # what a plugin's close does is not the event loop's business


_idle_connections = IdleConnections()


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
        all_idle: IdleConnections = _idle_connections,
    ) -> None:
        self._open = open_
        self._close = close
        self._size = size
        self._max_idle_s = max_idle_s
        self._clock = clock
        self._slots = Semaphore(size)
        self._idle: list[_Idle[Connection]] = []  # the longest idle one first
        self._all_idle = all_idle
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
        for idle in list(self._idle):
            self.close_if_stale(idle)
        return Lease(self._pop().connection, reused=True) if self._idle else None

    def _pop(self) -> _Idle[Connection]:
        idle = self._idle.pop()
        self._all_idle.remove(idle)
        return idle

    def _keep(self, connection: Connection) -> None:
        if self._closed or len(self._idle) >= self._size:
            self._close(connection)
        else:
            idle = _Idle(self, connection, self._clock())
            self._idle.append(idle)
            self._all_idle.add(idle)

    def close_if_stale(self, idle: _Idle[Connection], limit_s: float = math.inf) -> None:
        """Close a connection that has been idle for ``limit_s`` seconds, or for as long as this pool keeps one."""
        if idle in self._idle and self._clock() - idle.since > min(limit_s, self._max_idle_s):
            self._idle.remove(idle)
            self._all_idle.remove(idle)
            self._close(idle.connection)

    def drop_idle(self) -> None:
        """Close the connections that nobody uses: one of them has turned out to be dead."""
        while self._idle:
            self._close(self._pop().connection)

    def give_up(self) -> None:
        """Close what is idle and send away the logins that wait: the server does not answer, and would not answer them either."""
        self._given_up += 1
        self.drop_idle()

    def close(self) -> None:
        """Close what is idle, and what is lent when it comes back; lend nothing more."""
        self._closed = True
        self.give_up()
