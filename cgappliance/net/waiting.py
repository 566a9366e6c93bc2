"""Clients that can be sent away at once, with the proper bye: when their listener ends, or its tenant."""

from __future__ import annotations

import gevent

from cgappliance.errors import Dismissed


class Waiting:
    """The clients of a listener that have not logged in and are not about to: those who can be sent away at once.

    A client is among them while its greenlet is inside a ``with`` block of this.
    """

    __slots__ = ("_dismissing", "_greenlets")

    def __init__(self) -> None:
        self._greenlets: set[gevent.Greenlet] = set()
        self._dismissing = False

    def __enter__(self) -> None:
        """Begin a wait for a client's command.

        Raises:
            Dismissed: the client is to leave.
        """
        if self._dismissing:
            raise Dismissed
        self._greenlets.add(gevent.getcurrent())

    def __exit__(self, *_: object) -> None:
        self._greenlets.discard(gevent.getcurrent())

    def dismiss(self) -> None:
        """Send them away with the proper bye, now, and those that are busy with a login if it fails. Does not block."""
        self._dismissing = True
        for greenlet in self._greenlets:
            greenlet.kill(Dismissed(), block=False)

    @property
    def dismissing(self) -> bool:
        """Whether nobody may come in any more."""
        return self._dismissing

    def adopt(self, other: Waiting) -> None:
        """Take over the clients of a listener that this one's has replaced."""
        # one set for all, and it is the oldest: it counts for those that stand inside a block of any listener before
        other._greenlets |= self._greenlets
        self._greenlets = other._greenlets
