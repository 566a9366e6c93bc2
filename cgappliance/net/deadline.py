"""Deadlines for the waits of a greenlet: one ``with`` block per phase of a connection."""

from __future__ import annotations

from typing import Any, Final

import gevent
from gevent import get_hub

from cgappliance.errors import DeadlineExceeded

PRIORITY: Final = -1  #: of the event loop, whose usual one is 0: an answer that is there comes before the deadline


class deadline:  # noqa: N801 - used like a function
    """Raises ``DeadlineExceeded`` in this greenlet when the ``with`` block takes longer.

    It covers every cooperative wait inside the block; code that computes without waiting is not interrupted. A login has half a
    dozen, none of which expires: so there is no exception before that, and gevent's ``Timeout``, which is one, is not asked.
    """

    __slots__ = ("_seconds", "_timer", "_what", "is_over")

    def __init__(self, seconds: float, what: object) -> None:
        """Bound a block to ``seconds``; the text of ``what`` says who or what did not answer."""
        self._seconds = seconds
        self._what = what
        self.is_over = False  #: tells this block's end from the one of a block around it

    def __enter__(self) -> None:
        self._timer: Any = get_hub().loop.timer(self._seconds, priority=PRIORITY)
        self._timer.start(self._expired, gevent.getcurrent(), update=True)  # from now on, not from the loop's last turn

    def __exit__(self, _kind: object, _error: BaseException | None, _traceback: object) -> None:
        self._timer.close()

    def _expired(self, greenlet: gevent.Greenlet) -> None:
        self.is_over = True
        greenlet.throw(DeadlineExceeded(f"{self._what}: no answer within {self._seconds:g} s"))
