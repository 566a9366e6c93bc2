"""Commands: the round trip of a NOOP on open sessions, alone, in numbers, and while others download."""

from __future__ import annotations

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.cores import urgent
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import WINDOW, Workload

PACED_PER_S = 10.0  #: commands per second and session of the open loop
DOWNLOADS = 4
NOOP_SESSIONS_BESIDE = 10
NOOP_RATE_BESIDE = 20.0
HOLD_S = 3600.0  #: downloads go on until they are stopped


def measure_noops(bench: Bench, peer: Peer, run: int, name: str, sessions: int, rate: float = 0.0) -> None:
    """Measure NOOPs, in a closed loop or at ``rate`` per second and session, and keep the sample as ``name``."""
    scale = bench.scale
    options = {"sessions": sessions, "seconds": scale.seconds, "warmup": scale.warmup_s / 2, "rate": rate, "window": WINDOW}
    with bench.load("noop", peer.target("imap", scale.users), **options) as load:
        measured = bench.run(peer, load)
    values = _latencies(measured)
    if measured.proxy_cpu_s:
        values["cpu_us_per_command"] = measured.proxy_cpu_s / measured.operations * 1e6
    bench.keep(peer, name, run, measured, values)


def _latencies(measured: Measured) -> dict[str, float]:
    figures = measured.figures
    return {
        "p50_us": figures["p50_us"],
        "p99_us": figures["p99_us"],
        "commands_per_s": measured.rate,
    }


def _closed(bench: Bench, peer: Peer, run: int) -> None:
    measure_noops(bench, peer, run, "imap-noop-1", 1)


def _many_closed(bench: Bench, peer: Peer, run: int) -> None:
    measure_noops(bench, peer, run, "imap-noop-100", bench.scale.commands)


def _many_paced(bench: Bench, peer: Peer, run: int) -> None:
    measure_noops(bench, peer, run, "imap-noop-100-paced", bench.scale.commands, PACED_PER_S)


def _beside_downloads(bench: Bench, peer: Peer, run: int) -> None:
    """NOOPs on other sessions while four downloads keep the proxy busy."""
    scale, target = bench.scale, peer.target("imap", bench.scale.users)
    noop = {"sessions": NOOP_SESSIONS_BESIDE, "rate": NOOP_RATE_BESIDE, "seconds": scale.seconds, "warmup": scale.warmup_s / 2}
    with (
        bench.load("noop", target, window=WINDOW, **noop) as noops,
        bench.load("download", target, sessions=DOWNLOADS, mib=scale.bulk_mib_eight, seconds=HOLD_S, warmup=0.0) as downloads,
    ):
        downloads.ready()
        downloads.go()
        with urgent(noops.pid, bench.lab.upstream.process.pid):
            measured = bench.run(peer, noops)
        downloads.stop()
        downloads.done()
    served = measured.upstream["bytes_served"] / measured.seconds / 1e6
    bench.keep(peer, "imap-noop-beside-downloads", run, measured, {**_latencies(measured), "mb_per_s": served})


WORKLOADS = (
    Workload("imap-noop-1", "NOOP round trips on one session, one after the other", _closed),
    Workload("imap-noop-100", "the same on 100 sessions at the same time", _many_closed),
    Workload("imap-noop-100-paced", "100 sessions, 10 NOOPs a second each, whatever the answers", _many_paced, quick=False),
    Workload("imap-noop-beside-downloads", "NOOPs on 10 sessions while 4 others download", _beside_downloads),
)
