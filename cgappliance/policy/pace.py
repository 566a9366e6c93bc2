"""How long a refusal takes: equally long for every reason, or the clock would tell what the words do not. Pure; clock passed in.

An unknown address is refused at once, a wrong password after the directory's answer. Both wait until ``delay_s`` after the
attempt began. When the directory gets slower than the base delay, everybody waits as long as its slowest answer of late.
"""

from __future__ import annotations

import math
from typing import Final

WINDOW_S: Final = 60.0  #: for how long a slow answer counts: it is forgotten after one to two windows


class RefusalPace:
    """The pace of one tenant."""

    __slots__ = ("_base_s", "_before_s", "_now_s", "_window_ends")

    def __init__(self, base_s: float) -> None:
        """Refuse after ``base_s`` seconds while the directory answers faster than that."""
        self._base_s = base_s
        self._now_s = 0.0
        self._before_s = 0.0
        self._window_ends = -math.inf

    def observe(self, directory_s: float, clock_s: float) -> None:
        """Take note that the directory needed ``directory_s`` seconds for an answer."""
        self._turn(clock_s)
        self._now_s = max(self._now_s, directory_s)

    def delay_s(self, clock_s: float) -> float:
        """Return how many seconds after its start an attempt is refused: the base, or more in whole seconds."""
        self._turn(clock_s)
        slowest = max(self._now_s, self._before_s)
        return self._base_s if slowest <= self._base_s else float(math.ceil(slowest))

    def _turn(self, clock_s: float) -> None:
        if clock_s >= self._window_ends:
            fresh = clock_s < self._window_ends + WINDOW_S
            self._before_s = self._now_s if fresh else 0.0
            self._now_s = 0.0
            self._window_ends = clock_s + WINDOW_S
