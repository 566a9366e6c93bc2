"""Says that a limit of ``[limits]`` was reached: each time to the metrics, once a minute to the log."""

from __future__ import annotations

import time
from typing import Final

from cgappliance import log, metrics

_log = log.get()

QUIET_S: Final = 60.0  #: between two log lines for one limit: whoever floods us must not flood the journal as well

_silent: dict[str, tuple[float, int]] = {}  # limit: when the next line may come, and how often it was reached since the last


def reached(limit: str, **fields: str) -> None:
    """Count that ``limit`` was reached; ``fields`` say by whom, as an example: the line stands for all of its minute."""
    metrics.LIMITS_REACHED.add(limit)
    now = time.monotonic()
    until, times = _silent.get(limit, (0.0, 0))
    if now < until:
        _silent[limit] = (until, times + 1)
        return
    _silent[limit] = (now + QUIET_S, 0)
    _log.warning("limit.reached", limit=limit, times=times + 1, **fields)
