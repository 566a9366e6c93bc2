"""Two workers against one: what the second core brings.

A machine with two cores has none to spare for the load, so wall-clock figures of two workers would measure the load generator.
What counts is CPU time: how much more a unit of work costs with two workers (locks, caches, the supervisor), and how evenly the
work falls on them, since the busier one is full first. ``two_against_one`` is what two free cores would do. One worker is measured
on each of the two cores, as work costs more on the core that the load shares; the mean of both is what two would cost that do not
hinder each other.

Each worker has the same number of clients at a time, with one worker and with two: what logins share, such as one wait for the disk
for all that came meanwhile, must not look dearer for want of company. Downloads are so many that chance spreads them evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.meter import process_cpu_s
from benchmarks.peers.appliance import Appliance, Shape
from benchmarks.studies.base import Study, keep, log_in_all, logins, running
from benchmarks.workloads.base import WINDOW

DOWNLOADS = 64  #: sessions: enough to fall on both workers alike
SMALLER = 8  #: their messages, by this, than those of eight sessions: each of so many must end some in the measured time
WARM_PASSES = 5  #: each worker keeps its own tokens: after five logins an account has met both workers with 94 % probability

Work = Callable[[Bench, Appliance], Measured]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a unit of work cost, and how it was spread."""

    measured: Measured
    cpu_s_per_unit: float
    spread: float  #: CPU time of all workers, by that of the busiest: 2.0 is even for two


def _logins(bench: Bench, appliance: Appliance) -> Measured:
    return logins(bench, appliance, appliance.target("imap", bench.scale.users), WINDOW * appliance.shape.workers)


def _download(bench: Bench, appliance: Appliance) -> Measured:
    scale, target = bench.scale, appliance.target("imap", bench.scale.users)
    options = {
        "sessions": DOWNLOADS,
        "mib": max(1, scale.bulk_mib_eight // SMALLER),
        "seconds": scale.seconds,
        "warmup": scale.warmup_s / 2,
    }
    with bench.load("download", target, **options) as load:
        return bench.run(appliance, load)


WORKS: Sequence[tuple[str, Work, str]] = (("logins", _logins, "operations"), ("download", _download, "bytes"))


def _measure(bench: Bench, appliance: Appliance, work: Work, unit: str) -> Cost:
    before = {pid: process_cpu_s(pid) for pid in appliance.pids()}
    measured = work(bench, appliance)
    spent = sorted((process_cpu_s(pid) - start for pid, start in before.items()), reverse=True)[: appliance.shape.workers]
    return Cost(measured, measured.proxy_cpu_s / float(measured.figures[unit]), sum(spent) / spent[0])


def _costs(bench: Bench, workers: int, *cores: int) -> dict[str, Cost]:
    """Run an appliance on these cores and measure every kind of work."""
    with running(bench, f"workers-{workers}", Shape(workers=workers, cores=cores)) as appliance:
        for _ in range(WARM_PASSES if workers > 1 else 1):
            log_in_all(bench, appliance.target("imap", bench.scale.users))
        return {name: _measure(bench, appliance, work, unit) for name, work, unit in WORKS}


def run(bench: Bench, number: int) -> None:
    """Measure one worker on either core, and two on both."""
    first, second = bench.cores.proxy, bench.cores.second
    here, there, both = _costs(bench, 1, first), _costs(bench, 1, second), _costs(bench, 2, first, second)
    for name, two in both.items():
        one_cpu_s = (here[name].cpu_s_per_unit + there[name].cpu_s_per_unit) / 2
        values = {
            "two_against_one": one_cpu_s / two.cpu_s_per_unit * two.spread,
            "cost_of_two": two.cpu_s_per_unit / one_cpu_s,
            "spread": two.spread,
            "wall_ratio": two.measured.rate / here[name].measured.rate,
        }
        keep(bench, f"workers-{name}", number, values, here[name].measured, there[name].measured, two.measured)


STUDY = Study("workers", "two workers against one: logins and downloads", run)
