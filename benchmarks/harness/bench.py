"""One measurement: a peer under one kind of load, with everything that the figures need to be believed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.calibrate import Calibration, calibrate
from benchmarks.harness.cores import Cores
from benchmarks.harness.lab import Lab
from benchmarks.harness.loadgen import Load, Target, Together
from benchmarks.harness.meter import core_busy_s
from benchmarks.harness.results import Results, Sample
from benchmarks.harness.scale import Scale
from benchmarks.peers.base import Peer
from cgappliance.testing.lab.slapd import Slapd

FOREIGN_SHARE = 0.03  #: of the proxy's core, used by others: more than that is a disturbance
SHORTEST_S = 0.5  #: shares of shorter windows are below the resolution of the kernel's 10 ms steps


@dataclass(frozen=True, slots=True)
class Moment:
    """Every counter at one time."""

    wall_s: float
    proxy_cpu_s: float
    core_busy_s: float
    upstream: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What happened between two moments."""

    figures: Mapping[str, Any]  #: the load generator's
    seconds: float
    proxy_cpu_s: float
    upstream: Mapping[str, float]  #: differences of its counters
    load: Mapping[str, float]
    disturbed: tuple[str, ...]

    @property
    def operations(self) -> int:
        """How many whole units of work were done."""
        return int(self.figures["operations"])

    @property
    def rate(self) -> float:
        """Units of work per second, by the load generator's own clock."""
        return self.operations / float(self.figures["seconds"])


@dataclass(slots=True)
class Bench:
    """What a workload gets: the back ends, the scale, and where results go."""

    lab: Lab
    cores: Cores
    scale: Scale
    results: Results
    directories: dict[str, Slapd] = field(default_factory=dict)  #: made for a study, kept for its next run
    usual: list[float] = field(default_factory=list)  #: calibrations so far, CPU seconds

    def load(self, work: str, target: Target, **options: float | bool) -> Load:
        """Start the load generator."""
        return Load(self.lab.loadgen, self.cores.load, work, target, **options)

    def moment(self, peer: Peer) -> Moment:
        """Read every counter."""
        upstream = self.lab.upstream.stats()
        return Moment(time.perf_counter(), peer.cpu_s() or 0.0, core_busy_s(self.cores.proxy), upstream)

    def calibrated(self) -> Calibration:
        """Calibrate the proxy's core, and remember how fast it usually is."""
        calibration = calibrate(self.cores.proxy)
        self.usual.append(calibration.cpu_s)
        return calibration

    def run(self, peer: Peer, load: Load | Together) -> Measured:
        """Release a load that is ready, wait for its end, and return what it cost.

        Raises:
            LoadFailed: the load met an error.
        """
        load.ready()
        first = self.calibrated()
        before = self.moment(peer)
        load.go()
        figures = load.done()
        return self.between(before, self.moment(peer), figures, (first, self.calibrated()))

    def between(
        self, before: Moment, after: Moment, figures: Mapping[str, Any], around: tuple[Calibration, Calibration]
    ) -> Measured:
        """Return what happened between two moments."""
        seconds, proxy = after.wall_s - before.wall_s, after.proxy_cpu_s - before.proxy_cpu_s
        upstream = {name: after.upstream[name] - before.upstream[name] for name in after.upstream}
        foreign = after.core_busy_s - before.core_busy_s - proxy
        load = {
            "proxy_core": proxy / seconds,
            "loadgen_core": figures.get("cpu_s", 0.0) / seconds,
            "upstream_core": upstream["cpu_s"] / seconds,
            "foreign_core": max(0.0, foreign / seconds),
        }
        return Measured(figures, seconds, proxy, upstream, load, self.disturbances(load, seconds, around))

    def disturbances(self, load: Mapping[str, float], seconds: float, around: tuple[Calibration, Calibration]) -> tuple[str, ...]:
        """Return why a measurement is doubtful: by the calibrations around it and by who else used the proxy's core."""
        usual = sorted(self.usual)[len(self.usual) // 2]
        reasons = []
        if any(calibration.slower_than(usual) for calibration in around):
            reasons.append("the core was slower than usual")
        if self.cores.proxy_is_alone and seconds >= SHORTEST_S and load["foreign_core"] > FOREIGN_SHARE:
            reasons.append("others used the proxy's core")
        return tuple(reasons)

    def keep(self, peer: Peer, workload: str, run: int, measured: Measured, values: Mapping[str, float]) -> None:
        """Add a sample to the results."""
        self.results.samples.append(Sample(peer.name, workload, run, values, measured.load, measured.disturbed))
