"""A wall clock that tests can move: an hour of a token's life passes in a call.

This file imports the standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since 1970 of ``source``, shifted by what tests have added. Only tokens and sessions live by it."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._shift_s = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the time as the look-alike has it, seconds since 1970."""
        return self._source() + self._shift_s

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds`` (back, if negative) and tell everybody who waits for a moment of this clock."""
        self._shift_s += seconds
        self.poke()

    def poke(self) -> None:
        """Make everybody who waits for a moment of this clock look again."""
        for listener in tuple(self._listeners):
            listener()

    def on_move(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each move, in the thread that moved the clock; it must not block."""
        self._listeners.append(listener)
