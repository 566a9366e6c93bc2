"""Bulk: whole messages of many MiB, every byte checked by the receiver."""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import Workload

GIGA = 1e9


def _workload(work: str, protocol: str, sessions: int) -> Workload:
    name = f"{work}-{sessions}"

    def measure(bench: Bench, peer: Peer, run: int) -> None:
        scale = bench.scale
        mib = scale.bulk_mib_one if sessions == 1 else scale.bulk_mib_eight
        target = peer.target(protocol, scale.users)
        with bench.load(work, target, sessions=sessions, mib=mib, seconds=scale.seconds, warmup=scale.warmup_s / 2) as load:
            measured = bench.run(peer, load)
        size = measured.figures["bytes"]
        values = {"mb_per_s": size / measured.figures["seconds"] / 1e6}
        if measured.proxy_cpu_s:
            values["gb_per_cpu_s"] = size / GIGA / measured.proxy_cpu_s
        bench.keep(peer, name, run, measured, values)

    what = "IMAP FETCH" if work == "download" else "SMTP DATA"
    about = f"{what} of big messages on {sessions} session{'s' if sessions > 1 else ''}, every byte checked"
    return Workload(name, about, measure, quick=sessions > 1)


WORKLOADS = (
    _workload("download", "imap", 1),
    _workload("download", "imap", 8),
    _workload("upload", "smtp", 1),
    _workload("upload", "smtp", 8),
)
