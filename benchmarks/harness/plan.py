"""What is to be run: the command line turned into peers, workloads, studies and sizes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol, TypeVar

from benchmarks.harness.catalogue import PEERS, STUDIES, WORKLOADS
from benchmarks.harness.scale import FULL, QUICK, Scale
from benchmarks.peers.base import Peer
from benchmarks.studies.base import Study
from benchmarks.workloads.base import Workload

DEFAULT_MINUTES = 120.0  #: three runs of everything take about an hour


class Named(Protocol):
    """What ``--only`` can choose."""

    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=Named)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    scale: Scale
    peers: tuple[type[Peer], ...]
    workloads: tuple[Workload, ...]
    studies: tuple[Study, ...]
    deadline_s: float  #: of time.monotonic(); what is not measured by then is left out, and the results say so


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Measure the appliance and its peers on the same work.")
    parser.add_argument(
        "--quick", action="store_true", help="under 3 minutes: shows that everything runs; the figures mean nothing"
    )
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="peers, workloads and studies, comma-separated, with * and ? as wildcards"
    )
    parser.add_argument("--runs", type=int, help="how often each is measured (default: 3)")
    parser.add_argument(
        "--minutes", type=float, default=DEFAULT_MINUTES, help="stop after this time with what there is (default: %(default)g)"
    )
    parser.add_argument("--profile", action="store_true", help="instead: where the appliance's time goes")
    parser.add_argument("--render", type=Path, metavar="RESULTS.JSON", help="instead: write table and plot anew from these results")
    parser.add_argument("--list", action="store_true", help="instead: say what there is")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is written")
    parser.add_argument("--programs", type=Path, required=True, help="folder of the built load generator and upstream")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> Plan:
    """Return the plan that the options describe.

    Naming a peer alone runs all workloads on it, naming a workload alone runs it on all peers; a study runs when it is named, or
    when nothing is.

    Raises:
        SystemExit: ``--only`` names nothing that there is.
    """
    scale = QUICK if options.quick else FULL
    if options.runs:
        scale = replace(scale, runs=options.runs)
    deadline_s = time.monotonic() + options.minutes * 60
    patterns = [pattern for pattern in options.only.split(",") if pattern]
    if not patterns:
        usual = tuple(workload for workload in WORKLOADS if workload.quick or not scale.quick)
        return Plan(scale, PEERS, usual, STUDIES, deadline_s)
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name, _ in everything()):
            raise SystemExit(f"--only: no peer, workload or study is called {pattern!r} (--list shows them)")
    peers, workloads, studies = _matching(PEERS, patterns), _matching(WORKLOADS, patterns), _matching(STUDIES, patterns)
    if not peers and not workloads:
        return Plan(scale, (), (), studies, deadline_s)
    return Plan(scale, peers or PEERS, workloads or WORKLOADS, studies, deadline_s)


def _matching(items: tuple[Item, ...], patterns: Sequence[str]) -> tuple[Item, ...]:
    return tuple(item for item in items if any(fnmatch(item.name, pattern) for pattern in patterns))


def everything() -> list[tuple[str, str]]:
    """Return name and description of all peers, workloads and studies."""
    lines = [(peer.name, peer.about) for peer in PEERS]
    lines += [(workload.name, workload.about) for workload in WORKLOADS]
    return lines + [(study.name, study.about) for study in STUDIES]
