"""What a workload is: a name and a function that measures one peer once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.harness.bench import Bench
from benchmarks.peers.base import Peer

WINDOW = 16  #: logins under way at a time while many sessions open


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of work. ``measure`` may add several samples."""

    name: str
    about: str  #: one line for the README and the table
    measure: Callable[[Bench, Peer, int], None]  #: bench, peer, number of the run
    quick: bool = True  #: also part of the quick benchmark, which leaves out what differs from others in numbers alone
