"""Fail-over between several servers of one kind, over pooled connections: what every directory backend needs and none should write.

A plugin says how one connection is opened and closed (``Connector``) and what to do with it (a *verb*: a function of a connection
and a deadline); ``Failover.run`` brings the verb to a server that works. It knows no protocol: a verb or connector tells an outage
by raising ``ServerFailed`` or ``ServerTimedOut``, and everything else that it raises is an answer and passes through.

Rules of this file
    * No login waits for what another one is finding out: a server that failed is asked again, after a rest, by one login alone.
    * Servers are asked in the order of the tenant file: the first one gets its logins back as soon as it works again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from cgappliance.pooling import (
    DEFAULT_MAX_IDLE_S,
    DEFAULT_POOL_SIZE,
    BoundedPool,
    Clock,
    Connection,
    Deadline,
    OpeningRefused,
    PoolBusy,
    PoolGivenUp,
    ServerFailed,
)

Server = TypeVar("Server", bound=Hashable)
ServerT_contra = TypeVar("ServerT_contra", contravariant=True)
Answer = TypeVar("Answer")

#: Seconds one server gets while another living one could be asked instead: below the two seconds at which people retype.
DEFAULT_ATTEMPT_S = 1.5
#: Seconds that a server which failed is left alone: long enough to spare logins the wait, short enough to return soon.
DEFAULT_RETRY_AFTER_S = 30.0
#: Seconds that a refusal of the appliance's own account is believed without asking: each question is a bad bind that may lock it.
DEFAULT_REFUSAL_S = 30.0


class NoServer(Exception):
    """No server could be asked before the deadline. ``timed_out``: at least one of them did not answer in time."""

    def __init__(self, failures: Sequence[tuple[object, ServerFailed]]) -> None:
        super().__init__(
            "; ".join(f"{server}: {failure}" for server, failure in failures) or "the time was up before any was asked"
        )
        self.timed_out = not failures or any(failure.timed_out for _, failure in failures)


class Connector(Protocol[ServerT_contra, Connection]):
    """How a plugin opens and closes one connection."""

    def open(self, server: ServerT_contra, deadline: Deadline) -> Connection:
        """Return a connection that is ready for verbs.

        Raises:
            ServerFailed: it could not be had.
            OpeningRefused: the server refuses the appliance's own account.
        """
        ...

    def close(self, connection: Connection) -> None:
        """Close the connection, whatever state it is in. Must not block and must not raise."""
        ...


class ServerRotation(Generic[Server]):
    """The order in which servers are asked: as configured, those that failed lately last. Pools of several purposes share it."""

    def __init__(
        self, servers: Sequence[Server], *, retry_after_s: float = DEFAULT_RETRY_AFTER_S, clock: Clock = time.monotonic
    ) -> None:
        self.servers = tuple(servers)
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._rests_until: dict[Server, float] = {}

    def order(self) -> tuple[list[Server], list[Server]]:
        """Return the servers to ask in turn, those whose rest is over among them, and those to fall back on when these fail."""
        now = self._clock()
        resting = [server for server in self.servers if now < self._rests_until.get(server, now)]
        living = [server for server in self.servers if server not in resting]
        return (living, resting) if living else (resting, [])

    def asking(self, server: Server) -> None:
        """Note that a login asks the server now.

        One whose rest is over goes on resting for all others until this login has ``worked``, so that no more than one pays for a
        server that is still down.
        """
        if server in self._rests_until:
            self._rests_until[server] = self._clock() + self._retry_after_s

    def failed(self, server: Server) -> None:
        """Leave the server alone for a while."""
        self._rests_until[server] = self._clock() + self._retry_after_s

    def worked(self, server: Server) -> None:
        """Ask the server in its turn again."""
        self._rests_until.pop(server, None)


class Failover(Generic[Server, Connection]):
    """Runs verbs on the first server that works, over pooled connections."""

    def __init__(
        self,
        rotation: ServerRotation[Server],
        connector: Connector[Server, Connection],
        *,
        pool_size: int = DEFAULT_POOL_SIZE,
        attempt_s: float = DEFAULT_ATTEMPT_S,
        max_idle_s: float = DEFAULT_MAX_IDLE_S,
        refusal_s: float = DEFAULT_REFUSAL_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self._rotation = rotation
        self._connector = connector
        self._attempt_s = attempt_s
        self._refusal_s = refusal_s
        self._clock = clock
        self._refused: tuple[float, str] | None = None  # (believed until, the server's words)
        self._pools = {
            server: BoundedPool(self._opener(server), connector.close, size=pool_size, max_idle_s=max_idle_s, clock=clock)
            for server in rotation.servers
        }

    def run(self, verb: Callable[[Connection, Deadline], Answer], deadline: Deadline) -> Answer:
        """Return what the verb returns on the first server that works. Blocks until the deadline at most.

        The verb may run more than once: on an idle connection that the server had closed, then on a fresh one, then on the
        next server. Whatever it raises besides ``ServerFailed`` passes through.

        Raises:
            NoServer: none could be asked before the deadline.
            OpeningRefused: a server refuses the appliance's own account, now or within the last ``refusal_s`` seconds.
        """
        failures: list[tuple[object, ServerFailed]] = []
        living, resting = self._rotation.order()
        for position, server in enumerate(living + resting):
            if not deadline.left_s:
                break
            another_lives = position + 1 < len(living)
            try:
                return self._ask(server, verb, deadline.sooner(self._attempt_s) if another_lives else deadline)
            except ServerFailed as failure:
                failures.append((server, failure))
        raise NoServer(failures)

    def _ask(self, server: Server, verb: Callable[[Connection, Deadline], Answer], deadline: Deadline) -> Answer:
        pool = self._pools[server]
        self._rotation.asking(server)
        try:
            answer = self._ask_twice_if_stale(pool, verb, deadline)
        except (PoolBusy, PoolGivenUp):
            raise  # says nothing new about the server
        except ServerFailed:
            self._rotation.failed(server)
            pool.give_up()
            raise
        self._rotation.worked(server)
        return answer

    @staticmethod
    def _ask_twice_if_stale(
        pool: BoundedPool[Connection], verb: Callable[[Connection, Deadline], Answer], deadline: Deadline
    ) -> Answer:
        reused = False
        try:
            with pool.lease(deadline) as lease:
                reused = lease.reused
                return verb(lease.connection, deadline)
        except ServerFailed as failure:
            if not reused or failure.timed_out:
                raise
        pool.drop_idle()  # the server closed it while it was idle (a restart, an idle limit), and the others with it
        with pool.lease(deadline, fresh=True) as lease:
            return verb(lease.connection, deadline)

    def _opener(self, server: Server) -> Callable[[Deadline], Connection]:
        def open_(deadline: Deadline) -> Connection:
            if self._refused and self._clock() < self._refused[0]:
                raise OpeningRefused(self._refused[1])
            try:
                return self._connector.open(server, deadline)
            except OpeningRefused as refusal:
                self._refused = (self._clock() + self._refusal_s, str(refusal))
                raise

        return open_

    def close(self) -> None:
        """Close all connections: idle ones now, lent ones when their login ends."""
        for pool in self._pools.values():
            pool.close()
