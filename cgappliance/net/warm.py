"""A few connections to a tenant's upstream that are greeted and carry nobody's login, ready for the next user.

To Gmail a new connection costs three or four round trips before the login itself; who finds one ready waits for one. Each pool
belongs to one tenant and protocol, so connections never cross tenants. It fills only while people log in, grows with how many
come at once up to its limit, and empties when they stop. A connection is given up before the upstream would close it; in a crowd
of tenants, for good.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import gevent
from gevent import get_hub

from cgappliance import log
from cgappliance.errors import LoginFailed, PeerGone
from cgappliance.greenlets import spawn
from cgappliance.net.stream import TlsStream
from cgappliance.proto.events import Back, NeedData

_log = log.get()

MAX_AGE_S: Final = 50.0  #: mail servers give a client that does not log in between one and five minutes
SWEEP_S: Final = 5.0
ACTIVE_S: Final = 120.0  #: after the last login for so long, connections that grew old are renewed
CROWD: Final = 128  #: ready connections of all pools of a process that are no crowd; in one, only logins bring new ones
SWEPT_AT_ONCE: Final = 50  #: pools: a millisecond or two, so nobody's command waits long while hundreds are looked through

Open = Callable[[], tuple[TlsStream, Back]]  #: dials and lets the upstream greet; blocks; raises LoginFailed


@dataclass(frozen=True, slots=True)
class _Ready:
    stream: TlsStream
    back: Back
    born_at: float


class Keeper:
    """Looks after the pools of a process that have connections, or are to have some; one timer for all of them.

    To renew a connection costs a handshake. For hundreds of tenants whose people do not come every minute that is more than what
    it spares them, and so are the 30 KB that each takes.
    """

    def __init__(self, crowd: int = CROWD) -> None:
        """More than ``crowd`` ready connections are a crowd."""
        self._crowd = crowd
        self._pools: dict[WarmPool, None] = {}
        self._timer: Any = None

    def __contains__(self, pool: WarmPool) -> bool:
        return pool in self._pools

    def watch(self, pool: WarmPool) -> None:
        """Look after a pool from now on. Does not block."""
        self._pools[pool] = None
        if self._timer is None:
            self._timer = get_hub().loop.timer(SWEEP_S, SWEEP_S, ref=False)  # it keeps no program from ending
            self._timer.start(self._begin_sweep)

    def leave(self, pool: WarmPool) -> None:
        """Leave a pool alone: it is empty, and is to be."""
        self._pools.pop(pool, None)

    def sweep(self) -> None:
        """Look through all pools; the timer rests when none is left. Blocks cooperatively for a moment."""
        crowded = sum(map(len, self._pools)) > self._crowd
        for number, pool in enumerate(list(self._pools), 1):
            if pool in self._pools:  # it may have been closed while others had their turn
                pool.sweep(crowded=crowded)
            if number % SWEPT_AT_ONCE == 0:
                gevent.sleep(0)
        if not self._pools and self._timer is not None:
            self._timer.close()
            self._timer = None

    def _begin_sweep(self) -> None:
        spawn("warm/sweep", self.sweep)


_keeper = Keeper()


class WarmPool:
    """The ready connections of one tenant and protocol in one process."""

    def __init__(self, name: str, open_: Open, limit: int, keeper: Keeper = _keeper) -> None:
        """Keep at most ``limit`` connections made by ``open_``; 0: keep none, ever."""
        self.name = name
        self._open = open_
        self._limit = limit
        self._keeper = keeper
        self._ready: deque[_Ready] = deque()  # the youngest at the right
        self._wanted = 0
        self._missed = False
        self._used_at = 0.0
        self._filling: gevent.Greenlet | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> tuple[TlsStream, Back] | None:
        """Return a greeted connection that is still open, or None: dial. Does not block; makes sure that there is one next time."""
        if not self._limit or self._closed:
            return None
        self._used_at = monotonic()
        found = None
        while self._ready and found is None:
            ready = self._ready.pop()
            if self._is_fresh(ready):
                found = ready
            else:
                ready.stream.close()
        if found is None:
            self._missed = True
        self._fill_later()
        return None if found is None else (found.stream, found.back)

    def close(self) -> None:
        """Close all connections and keep none from now on; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._keeper.leave(self)
        if self._filling is not None:
            self._filling.kill(block=False)
        while self._ready:
            self._ready.pop().stream.close()

    def _is_fresh(self, ready: _Ready) -> bool:
        """Tell whether nothing has come since the greeting: all that could come now is a farewell or an end of file."""
        if monotonic() - ready.born_at > MAX_AGE_S:
            return False
        return _is_quiet(ready.stream) and isinstance(ready.back.next_event(), NeedData)

    def _fill_later(self) -> None:
        if self._missed:
            self._wanted = min(self._wanted + 1, self._limit)
            self._missed = False
        if self._filling is None and len(self._ready) < self._wanted:
            self._filling = spawn(f"{self.name}/warm", self._fill)
        self._keeper.watch(self)

    def _fill(self) -> None:
        try:
            while len(self._ready) < self._wanted and not self._closed:
                stream, back = self._open()
                stream.rest()
                self._ready.append(_Ready(stream, back, monotonic()))
        except (LoginFailed, PeerGone) as error:
            _log.debug("warm.failed", pool=self.name, detail=str(error))  # whoever logs in next will see it, and say so
            self._wanted = 0
        finally:
            self._filling = None

    def sweep(self, *, crowded: bool) -> None:
        """Give up what has grown old or was closed, want one less, and renew while people are logging in. Does not block."""
        kept = deque(ready for ready in self._ready if self._is_fresh(ready))
        for ready in self._ready:
            if ready not in kept:
                ready.stream.close()
        self._ready = kept
        if monotonic() - self._used_at > (MAX_AGE_S if crowded else ACTIVE_S):
            self._wanted = 0 if crowded else max(0, self._wanted - 1)
        if self._wanted:
            self._fill_later()
        elif not self._ready:
            self._keeper.leave(self)


def _is_quiet(stream: TlsStream) -> bool:
    """Tell whether the socket is open and has nothing to read."""
    try:
        stream.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False  # data, or an end of file
