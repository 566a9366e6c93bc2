"""Two workers against one: what the second core brings.

A machine with two cores has none to spare for the load, so wall-clock figures of two workers would measure the load generator.
What counts is CPU time: how much more a unit of work costs with two workers (locks, caches, the supervisor), and how evenly the
work falls on them, since the busier one is full first. ``two_against_one`` is what two free cores would do.

Work also costs more when both cores are busy, whoever keeps them so, and on the core that the load shares. So two workers are
compared with two appliances of one worker each, which have nothing in common but the machine, at the same time on the same two
cores. All may use both cores: one that is held on the core of the load, which it shares with three others, relays less, finds more
to read each time, and so has cheaper bytes. ``alone`` is what one costs while the other rests: that is the machine's share.

Each worker has the same number of clients in all cases, and a load generator of its own: what logins share, such as one wait for
the disk for all that came meanwhile, must not look dearer for want of company.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.loadgen import Target, Together
from benchmarks.harness.meter import process_cpu_s
from benchmarks.peers.appliance import Appliance, Shape
from benchmarks.peers.base import Peer
from benchmarks.studies.base import Study, keep, log_in_all, running
from benchmarks.workloads.base import WINDOW

DOWNLOADS = 32  #: sessions of each worker: so many that each is always busy
SMALLER = 8  #: their messages, by this, than those of eight sessions: each of so many must end some in the measured time
WARM_PASSES = 5  #: each worker keeps its own tokens: after five logins an account has met both workers with 94 % probability


class Apart(Peer):
    """Appliances that share nothing but the machine, measured as one."""

    name: ClassVar[str] = Appliance.name
    about: ClassVar[str] = "several appliances at once"

    def __init__(self, *appliances: Appliance) -> None:
        """Take appliances that run."""
        super().__init__(appliances[0].lab)
        self.appliances = appliances

    def start(self) -> None:
        """They run already."""

    def stop(self) -> None:
        """Others end them."""

    def target(self, protocol: str, users: int, first_user: int = 0) -> Target:
        """Return where the first one listens."""
        return self.appliances[0].target(protocol, users, first_user)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all."""
        return sum(each.cpu_s() or 0.0 for each in self.appliances)


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work."""

    name: str
    load: str  #: the load generator's word
    sessions: int  #: of each worker
    unit: str  #: the figure that counts

    def options(self, bench: Bench) -> dict[str, Any]:
        """Return the load generator's options."""
        scale = bench.scale
        common = {"seconds": scale.seconds, "warmup": scale.warmup_s}
        return common | ({"mib": max(1, scale.bulk_mib_eight // SMALLER)} if self.load == "download" else {})


WORKS: Sequence[Work] = (
    Work("logins", "logins", WINDOW, "operations"),
    Work("download", "download", DOWNLOADS, "bytes"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a unit of work cost, and how it was spread."""

    measured: Measured
    cpu_s_per_unit: float
    spread: float  #: CPU time of all workers, by that of the busiest: 2.0 is even for two


def _measure(bench: Bench, work: Work, *appliances: Appliance) -> Cost:
    """Give each worker of these appliances its clients, all at the same time."""
    before = {pid: process_cpu_s(pid) for each in appliances for pid in each.pids()}
    loads = [
        bench.load(work.load, each.target("imap", bench.scale.users), sessions=work.sessions, **work.options(bench))
        for each in appliances
        for _ in range(each.shape.workers)
    ]
    with Together(*loads) as load:
        measured = bench.run(Apart(*appliances), load)
    workers = sum(each.shape.workers for each in appliances)
    spent = sorted((process_cpu_s(pid) - start for pid, start in before.items()), reverse=True)[:workers]
    return Cost(measured, measured.proxy_cpu_s / float(measured.figures[work.unit]), sum(spent) / spent[0])


def _acquainted(bench: Bench, appliance: Appliance) -> Appliance:
    for _ in range(WARM_PASSES if appliance.shape.workers > 1 else 1):
        log_in_all(bench, appliance.target("imap", bench.scale.users))
    return appliance


def run(bench: Bench, number: int) -> None:
    """Measure one worker, two at the same time, and two of one appliance, all on the same two cores."""
    cores = bench.cores.proxy, bench.cores.second
    shapes = Shape(cores=cores), Shape(cores=cores), Shape(workers=2, cores=cores)
    with contextlib.ExitStack() as stack:
        here, there, two = (
            _acquainted(bench, stack.enter_context(running(bench, f"workers-{index}", shape))) for index, shape in enumerate(shapes)
        )
        for work in WORKS:
            alone = _measure(bench, work, here)
            apart, both = _measure(bench, work, here, there), _measure(bench, work, two)
            values = {
                "two_against_one": apart.cpu_s_per_unit / both.cpu_s_per_unit * both.spread,
                "cost_of_two": both.cpu_s_per_unit / apart.cpu_s_per_unit,
                "spread": both.spread,
                "alone": alone.cpu_s_per_unit / apart.cpu_s_per_unit,
            }
            keep(bench, f"workers-{work.name}", number, values, *(each.measured for each in (alone, apart, both)))


STUDY = Study("workers", "two workers against one: logins and downloads", run)
