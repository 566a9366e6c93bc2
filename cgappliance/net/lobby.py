"""The clients that are connected and have not logged in: how many there may be, and who has to go when there are too many.

Strangers can open connections and say nothing (slow loris). One address may have a few; the rest is closed at once. Many addresses
together may have a few thousand; then whoever has been here longest, and is not waiting for *us*, is closed for the newcomer. A
mail client logs in within a second, so it is never the one. A client whose login is under way is left alone.

Closing means shutting the socket down: the greenlet that reads from it finds the end of the file, and cleans up as always.
"""

from __future__ import annotations

import _socket
import contextlib
import ipaddress
import socket
from collections.abc import Sized
from pathlib import Path
from typing import Final

from cgappliance.errors import PeerGone
from cgappliance.model import IPAddress
from cgappliance.net import limits
from cgappliance.net.counts import Counts
from cgappliance.net.places import Places

SPARE_DESCRIPTORS: Final = 64  #: at least so many are kept for what logins under way need: Gmail, directory, store
SPARE_SHARE: Final = 8  #: or an eighth of all, if that is more

ALL: Final = "lobby"


class Visitor:
    """One client before its login."""

    __slots__ = ("idle", "key", "sock")

    def __init__(self, sock: _socket.socket) -> None:
        self.sock = sock
        self.key = ""  #: what it counts as; "" while it is not known who it is
        self.idle = True  #: we wait for it; False: it waits for us


class Lobby:
    """The visitors of one worker; the numbers are those of all workers together."""

    def __init__(self, counts: Counts, places: Places, sessions: Sized, *, per_address: int, at_all: int, descriptors: int) -> None:
        """Let in ``per_address`` visitors of one address and ``at_all`` of all.

        Args:
            counts: shared by all workers.
            places: of sessions: when there is none left, nobody is let in.
            sessions: those of this process, which have two descriptors each.
            per_address: of an IPv4 address, or of an IPv6 /64, which is what one customer gets.
            at_all: in all workers.
            descriptors: how many this process may have open.
        """
        self._counts = counts
        self._places = places
        self._per_address = per_address
        self._at_all = at_all
        self._sessions = sessions
        self._descriptors = max(1, descriptors - max(SPARE_DESCRIPTORS, descriptors // SPARE_SHARE))
        self._others = 0
        self._visitors: dict[Visitor, None] = {}  # in the order of their arrival

    def __len__(self) -> int:
        return len(self._visitors)

    def measure(self) -> None:
        """Find out how many descriptors others hold: pools, warm connections, files. Call it now and then: it asks the kernel."""
        self._others = sum(1 for _ in Path("/proc/self/fd").iterdir()) - self._held()

    def _held(self) -> int:
        return len(self._visitors) + 2 * len(self._sessions)

    # ---- for listeners

    def is_full(self) -> bool:
        """Tell whether there is no use in accepting: all places of sessions are taken. Whoever comes waits in the kernel."""
        full = self._places.full()
        if full:
            limits.reached("sessions")
        return full

    def is_tight(self) -> bool:
        """Tell whether so few descriptors are left that logins under way could go without."""
        if self._held() + self._others < self._descriptors:
            return False
        limits.reached("descriptors")
        return True

    def make_room(self) -> bool:
        """Send away the one that has been here longest and does not wait for us; False: there is none."""
        for visitor in self._visitors:
            if visitor.idle:
                visitor.idle = False
                with contextlib.suppress(OSError):
                    visitor.sock.shutdown(socket.SHUT_RDWR)
                return True
        return False

    # ---- for connections

    def enter(self, sock: _socket.socket) -> Visitor:
        """Let a client in; the one that has been here longest may have to leave.

        Raises:
            PeerGone: there are too many, and all of them wait for us.
        """
        visitor = Visitor(sock)
        self._visitors[visitor] = None
        if self._counts.add(ALL) > self._at_all:
            limits.reached("connections_before_login")
            visitor.idle = False  # not itself
            found = self.make_room()
            visitor.idle = True
            if not found:
                self.leave(visitor)
                raise PeerGone("too many clients that have not logged in")
        return visitor

    def introduce(self, visitor: Visitor, address: IPAddress) -> None:
        """Note who a visitor is.

        Raises:
            PeerGone: there are too many of its address.
        """
        visitor.key = f"address {_one_customer(address)}"
        if self._counts.add(visitor.key) > self._per_address:
            limits.reached("connections_per_address", peer=str(address))
            raise PeerGone(f"too many connections of {address} that have not logged in")

    def leave(self, visitor: Visitor) -> None:
        """Forget a visitor: it has logged in, or is gone."""
        del self._visitors[visitor]
        self._counts.remove(ALL)
        if visitor.key:
            self._counts.remove(visitor.key)


def _one_customer(address: IPAddress) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
