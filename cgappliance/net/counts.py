"""Counts that all workers share: how many connections of an address, how many sessions of an account there are, whoever holds them.

Each worker writes into a part of its own of one piece of shared memory and reads the parts of all. So there is no lock, nobody to
ask, and a worker that dies takes its counts along when its part is cleared. ``add`` counts first and looks then: two workers that
count at the same moment may both find a limit exceeded that only one of them exceeds, but never both find room for the last place.

A key has a cell in each of two rows (a count-min sketch): other keys may share one of its cells, rarely both, so a count can be
too high by chance and never too low. The chance is keyed with a random number: nobody can choose addresses that collide.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from functools import lru_cache
from typing import Final

CELLS: Final = 1 << 17  #: a row; with 20,000 sessions one account in fifty shares both its cells, mostly with single sessions
ROWS: Final = 2
CELL_BYTES: Final = 4
PLACES_KEPT: Final = 1024  #: keys whose cells are remembered: those of all logins, and of the clients and accounts that are busy
PART_BYTES: Final = ROWS * CELLS * CELL_BYTES  #: 1 MiB a worker, of which untouched pages take no memory


class SharedCounts:
    """The memory of all workers. Made before they are forked."""

    def __init__(self, workers: int) -> None:
        """Make room for ``workers`` processes, numbered from 0."""
        self._memory = mmap.mmap(-1, workers * PART_BYTES)
        self._cells = memoryview(self._memory).cast("I")
        self._key = os.urandom(16)

    def part(self, worker: int) -> Counts:
        """Return the counts as the worker of this number sees and changes them."""
        return Counts(self._cells, worker * ROWS * CELLS, self._key)

    def clear(self, worker: int) -> None:
        """Forget what a worker had counted: it is dead."""
        self._memory[worker * PART_BYTES : (worker + 1) * PART_BYTES] = bytes(PART_BYTES)


class Counts:
    """One worker's view: it changes its own part and reads all."""

    __slots__ = ("_cells", "_key", "_mine", "_places")

    def __init__(self, cells: memoryview, mine: int, key: bytes) -> None:
        self._cells = cells
        self._mine = mine
        self._key = key
        self._places = lru_cache(PLACES_KEPT)(self._hashed)

    def add(self, key: str) -> int:
        """Count one more of ``key`` and return how many there are now in all workers."""
        at = self._places(key)
        for place in at:
            self._cells[self._mine + place] += 1
        return self._sum(at)

    def remove(self, key: str) -> None:
        """Count one less of what this worker has added."""
        for place in self._places(key):
            self._cells[self._mine + place] -= 1

    def total(self, key: str) -> int:
        """Return how many there are in all workers."""
        return self._sum(self._places(key))

    def own(self, key: str) -> int:
        """Return how many this part's worker has."""
        first, second = self._places(key)
        return min(self._cells[self._mine + first], self._cells[self._mine + second])

    def others(self) -> list[Counts]:
        """Return the parts of the other workers, to be read only."""
        starts = range(0, len(self._cells), ROWS * CELLS)
        return [Counts(self._cells, start, self._key) for start in starts if start != self._mine]

    def _hashed(self, key: str) -> tuple[int, int]:
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        first, second = int.from_bytes(digest[:4]), int.from_bytes(digest[4:])
        return first % CELLS, CELLS + second % CELLS

    def _sum(self, at: tuple[int, int]) -> int:
        first, second = at
        cells, step = self._cells, ROWS * CELLS  # from a worker's cell to the next one's
        return min(sum(cells[first::step]), sum(cells[second::step]))
