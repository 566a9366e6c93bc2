"""Which accounts are traced, and until when: a worker that starts later must trace them too."""

from __future__ import annotations

import time
from typing import Final

from cgappliance.net.tracing import TRACES_MAX

TRACE_MAX_MINUTES: Final = 120  #: a trace that somebody forgot ends by itself


class TraceBook:
    """The traces that are on."""

    def __init__(self) -> None:
        """Trace nobody."""
        self._until: dict[str, float] = {}  # by mail address, on the monotonic clock

    def set(self, address: str, minutes: float) -> None:
        """Trace an account for some minutes; 0: no longer.

        Raises:
            ValueError: too long, or too many traces are on.
        """
        if not 0 <= minutes <= TRACE_MAX_MINUTES:
            raise ValueError(f"{minutes:g} minutes are out of range (0 to {TRACE_MAX_MINUTES})")
        now = time.monotonic()
        self._until = {other: until for other, until in self._until.items() if until > now and other != address}
        if minutes and len(self._until) >= TRACES_MAX:
            raise ValueError(f"{TRACES_MAX} traces are on already: {', '.join(sorted(self._until))}")
        if minutes:
            self._until[address] = now + minutes * 60

    def seconds_left(self) -> dict[str, float]:
        """Return for how much longer each account is traced; less than none: it is over."""
        now = time.monotonic()
        return {address: until - now for address, until in self._until.items()}
