"""A fixed piece of work on the proxy's core, before and after each measurement: when it takes longer, the machine was disturbed."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass

BLOCK = bytes(1 << 20)
BLOCKS = 24  #: about 15 ms on a machine of 2022
TOLERANCE = 0.06  #: the same machine, quiet, stays within 3 %


@dataclass(frozen=True, slots=True)
class Calibration:
    """How fast the core was at one moment."""

    cpu_s: float  #: for the fixed work
    wall_s: float

    def slower_than(self, usual_s: float) -> bool:
        """Whether the core was slower than usual, or shared with somebody."""
        return self.cpu_s > usual_s * (1 + TOLERANCE) or self.wall_s > self.cpu_s * (1 + 2 * TOLERANCE)


def calibrate(core: int) -> Calibration:
    """Do the fixed work on ``core`` and return what it took. The calling process comes back to its own cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        cpu, wall = time.process_time(), time.perf_counter()
        digest = hashlib.sha256()
        for _ in range(BLOCKS):
            digest.update(BLOCK)
        return Calibration(time.process_time() - cpu, time.perf_counter() - wall)
    finally:
        os.sched_setaffinity(0, before)
