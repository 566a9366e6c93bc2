"""The command line: which peers, which workloads, how often, where to."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.harness import machine, meter
from benchmarks.harness.bench import Bench
from benchmarks.harness.catalogue import PEERS, WORKLOADS
from benchmarks.harness.cores import Cores
from benchmarks.harness.lab import Lab
from benchmarks.harness.loadgen import LoadFailed
from benchmarks.harness.plot import svg
from benchmarks.harness.results import Gap, Results
from benchmarks.harness.scale import FULL, QUICK, Scale
from benchmarks.harness.table import markdown
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import WINDOW, Workload
from cgappliance.testing.lab.process import ServerFailed

WARM_TIMEOUT_S = 60.0  #: for each account's first login; the slowest peer serves 20 accounts, at five a second


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    scale: Scale
    peers: tuple[type[Peer], ...]
    workloads: tuple[Workload, ...]
    deadline_s: float  #: of time.monotonic(); what is not measured by then is left out, and the results say so


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Measure the appliance and its peers on the same work.")
    parser.add_argument(
        "--quick", action="store_true", help="under 3 minutes: shows that everything runs; the figures mean nothing"
    )
    parser.add_argument("--only", default="", metavar="NAMES", help="workloads and peers, comma-separated, with * and ? wildcards")
    parser.add_argument("--runs", type=int, help="how often each is measured (default: 3)")
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="stop after this time with what there is (default: %(default)g)"
    )
    parser.add_argument("--programs", type=Path, required=True, help="folder of the built load generator and upstream")
    parser.add_argument("--out", type=Path, required=True, help="folder for results.json, table.md and plot.svg")
    parser.add_argument("--render", type=Path, metavar="RESULTS.JSON", help="only write table and plot anew from these results")
    parser.add_argument("--list", action="store_true", help="say what there is, and do nothing")
    return parser.parse_args(arguments)


def everything() -> list[tuple[str, str]]:
    """Return name and description of all peers and workloads."""
    return [(peer.name, peer.about) for peer in PEERS] + [(workload.name, workload.about) for workload in WORKLOADS]


def chosen(options: argparse.Namespace) -> Plan:
    """Return the plan that the options describe.

    Raises:
        SystemExit: ``--only`` names nothing that there is.
    """
    scale = QUICK if options.quick else FULL
    if options.runs:
        scale = replace(scale, runs=options.runs)
    patterns = [pattern for pattern in options.only.split(",") if pattern]
    peers = tuple(peer for peer in PEERS if any(fnmatch(peer.name, pattern) for pattern in patterns))
    workloads = tuple(work for work in WORKLOADS if any(fnmatch(work.name, pattern) for pattern in patterns))
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name, _ in everything()):
            raise SystemExit(f"--only: no workload or peer is called {pattern!r} (--list shows them)")
    deadline_s = time.monotonic() + options.minutes * 60
    return Plan(scale, peers or PEERS, workloads or WORKLOADS, deadline_s)


def execute(bench: Bench, plan: Plan) -> None:
    """Run the plan: the whole list of peers once per run, so that the runs of one peer lie minutes apart."""
    for run in range(1, plan.scale.runs + 1):
        for kind in plan.peers:
            if time.monotonic() > plan.deadline_s:
                bench.results.about["cut_short"] = f"the time was over in run {run} at {kind.name}"
                return
            measure_peer(bench, plan, kind, run)


def measure_peer(bench: Bench, plan: Plan, kind: type[Peer], run: int) -> None:
    """Run one peer through all workloads once."""
    started = time.monotonic()
    try:
        peer = kind(bench.lab)
        peer.start()
        warm(bench, peer)
    except (ServerFailed, FileNotFoundError, LoadFailed) as error:
        bench.results.gaps += [Gap(kind.name, workload.name, str(error), failed=True) for workload in plan.workloads]
        say(f"{kind.name}: not measured: {error}")
        return
    try:
        for workload in plan.workloads:
            if time.monotonic() < plan.deadline_s:
                measure_one(bench, peer, workload, run)
    finally:
        peer.stop()
    say(f"run {run}: {kind.name}: {time.monotonic() - started:.0f} s")


def warm(bench: Bench, peer: Peer) -> None:
    """Let every account log in once: what is measured is the everyday, not the first time."""
    target = peer.target("imap", bench.scale.users)
    with bench.load("logins", target, sessions=WINDOW, seconds=WARM_TIMEOUT_S, warmup=0.0, limit=target.users) as load:
        load.ready()
        load.go()
        load.done()


def measure_one(bench: Bench, peer: Peer, workload: Workload, run: int) -> None:
    """Measure one peer under one workload, or note why not."""
    known = bench.results.gap(peer.name, workload.name)
    if known is not None:
        return
    reason = peer.why_unfit(workload.name)
    if reason is not None:
        bench.results.gaps.append(Gap(peer.name, workload.name, reason))
        return
    try:
        workload.measure(bench, peer, run)
    except LoadFailed as error:
        bench.miss(peer, workload.name, error)
        say(f"{peer.name}: {workload.name}: {error}")
        peer.stop()
        peer.start()


def say(text: str) -> None:
    """Tell the user what goes on, at once."""
    print(text, flush=True)


def publish(results: Results, folder: Path) -> None:
    """Write the results as JSON, table and picture, and show the table."""
    results.write(folder / "results.json")
    table = markdown(results)
    (folder / "table.md").write_text(table)
    (folder / "plot.svg").write_text(svg(results))
    say(f"\n{table}\nwritten to {folder}: results.json, table.md, plot.svg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status: 1 when something that was tried went wrong."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.list:
        for name, about in everything():
            say(f"{name:28} {about}")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    if options.render:
        publish(Results.read(options.render), options.out)
        return 0
    plan, cores = chosen(options), Cores.of_this_machine()
    results = Results({**machine.about(plan.scale.name, plan.scale.runs), "idle_sessions": plan.scale.idle, "meter": meter.kind()})
    with tempfile.TemporaryDirectory(prefix="cgbench-") as folder:
        Path(folder).chmod(0o755)  # Dovecot and nginx give up root and still read their files
        with Lab(Path(folder), cores, options.programs.resolve(), plan.scale.accounts) as lab:
            execute(Bench(lab, cores, plan.scale, results), plan)
    publish(results, options.out)
    return 1 if any(gap.failed for gap in results.gaps) else 0
