"""Carries a plan out: every peer under every workload, then the studies, as often as the plan says."""

from __future__ import annotations

import time

from benchmarks.harness.bench import Bench
from benchmarks.harness.loadgen import LoadFailed
from benchmarks.harness.plan import Plan
from benchmarks.harness.results import Gap
from benchmarks.peers.base import Peer
from benchmarks.studies.base import NAME, Study, get_acquainted
from benchmarks.workloads.base import Workload
from cgappliance.testing.lab.process import ServerFailed


def execute(bench: Bench, plan: Plan) -> None:
    """Run the plan: the whole list of peers once per run, so that the runs of one peer lie minutes apart."""
    for run in range(1, plan.scale.runs + 1):
        for kind in plan.peers:
            if _over(bench, plan, f"run {run}, {kind.name}"):
                return
            measure_peer(bench, plan, kind, run)
        for study in plan.studies:
            if _over(bench, plan, f"run {run}, {study.name}"):
                return
            measure_study(bench, study, run)


def _over(bench: Bench, plan: Plan, where: str) -> bool:
    if time.monotonic() < plan.deadline_s:
        return False
    bench.results.about["cut_short"] = f"the time was over before {where}"
    return True


def measure_peer(bench: Bench, plan: Plan, kind: type[Peer], run: int) -> None:
    """Run one peer through all workloads once."""
    started = time.monotonic()
    try:
        peer = kind(bench.lab)
        peer.start()
    except (ServerFailed, FileNotFoundError) as error:
        bench.results.gaps += [Gap(kind.name, workload.name, str(error), failed=True) for workload in plan.workloads]
        say(f"{kind.name}: not measured: {error}")
        return
    try:
        get_acquainted(bench, peer)
        for workload in plan.workloads:
            if time.monotonic() < plan.deadline_s:
                measure_one(bench, peer, workload, run)
    except (LoadFailed, ServerFailed) as error:
        _failed(bench, peer, "first logins, or a new start", error)
    finally:
        _stop(bench, peer)
    say(f"run {run}: {kind.name}: {time.monotonic() - started:.0f} s")


def measure_one(bench: Bench, peer: Peer, workload: Workload, run: int) -> None:
    """Measure one peer under one workload, or note why not."""
    if bench.results.gap(peer.name, workload.name) is not None:
        return
    reason = peer.why_unfit(workload.name)
    if reason is not None:
        bench.results.gaps.append(Gap(peer.name, workload.name, reason))
        return
    try:
        workload.measure(bench, peer, run)
    except LoadFailed as error:
        _failed(bench, peer, workload.name, error)
        _stop(bench, peer)
        peer.start()


def _failed(bench: Bench, peer: Peer, what: str, error: Exception) -> None:
    bench.results.gaps.append(Gap(peer.name, what, str(error), failed=True))
    say(f"{peer.name}: {what}: {error}\n{peer.last_words()}")


def _stop(bench: Bench, peer: Peer) -> None:
    """Stop a peer; one that has crashed, or does not end, is a failure of its own, and the others are measured all the same."""
    try:
        peer.stop()
    except ServerFailed as error:
        _failed(bench, peer, "stop", error)


def measure_study(bench: Bench, study: Study, run: int) -> None:
    """Run one study once."""
    started = time.monotonic()
    try:
        study.run(bench, run)
    except (LoadFailed, ServerFailed, TimeoutError) as error:
        bench.results.gaps.append(Gap(NAME, study.name, str(error), failed=True))
        say(f"{study.name}: {error}")
    say(f"run {run}: {study.name}: {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    """Tell the user what goes on, at once."""
    print(text, flush=True)
