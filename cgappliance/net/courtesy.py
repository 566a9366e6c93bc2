"""Says when a worker should leave a client to another: all workers wake for it, and whoever comes first would take most of them.

Two things are compared, each time with one of the other workers, in turn, so that many workers cost no more than two:

* The clients that have not logged in. A login is what costs a core's time now, and a burst of clients is nothing else. Whoever has
  fewer of them is less busy, or faster: so a storm of logins uses all cores, each as far as it goes.
* The sessions. They come one by one, over hours, and then all have something to do at once. But they count as few logins: a worker
  that was just started has none, and shall get the clients that come singly, but not a storm of those whose sessions ended with its
  predecessor.

A worker gives way for a moment only (``listener.py``) and takes the client then, if it is still there. If the other one took nobody
in that moment, it is busy, drains, hangs or is dead: the next clients are taken without asking, so nobody waits for it in earnest.

A queue of its own for each worker (``SO_REUSEPORT``) would spread clients by chance, and lose those that wait for one that dies.
"""

from __future__ import annotations

from itertools import cycle
from typing import Final

from cgappliance.net import lobby, places
from cgappliance.net.counts import Counts

LEAD: Final = 1  #: one client or session more than another worker is no reason to give way
SESSIONS_MOST: Final = 4  #: however many more sessions one has than another, they count as so many logins
UNASKED: Final = 2  #: clients that are taken without asking after one that nobody else took: with it, more than a core logs in


class Courtesy:
    """The manners of one worker, for all its listeners."""

    def __init__(self, counts: Counts) -> None:
        """Compare the worker of ``counts`` with the others, if there are any."""
        self._counts = counts
        others = counts.others()
        self._in_turn = cycle(others) if others else None
        self._other = counts  #: who was last given way to
        self._visitors = 0  #: and how many it had then
        self._unasked = 0

    def gives_way(self) -> bool:
        """Tell whether another worker should have the client that waits."""
        if self._in_turn is None:
            return False
        if self._unasked:
            self._unasked -= 1
            return False
        other, mine = next(self._in_turn), self._counts
        visitors = other.own(lobby.ALL)
        more_sessions = mine.own(places.ALL) - other.own(places.ALL)
        if mine.own(lobby.ALL) - visitors + max(-SESSIONS_MOST, min(more_sessions, SESSIONS_MOST)) <= LEAD:
            return False
        self._other, self._visitors = other, visitors
        return True

    def gave_way(self, *, in_vain: bool) -> None:
        """Hear how that went. In vain: a moment later the client is still there."""
        if in_vain and self._other.own(lobby.ALL) <= self._visitors:  # else it is busy with one that came before
            self._unasked = UNASKED
