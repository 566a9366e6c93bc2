"""What a study is: a name and a function that sets up what it compares, and adds samples."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.loadgen import LoadFailed, Target
from benchmarks.harness.results import Sample
from benchmarks.peers.appliance import Appliance, Shape
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import WINDOW

NAME = Appliance.name  #: the peer that all samples of studies belong to, but for the ceiling
WARM_S = 120.0  #: for the first login of each account


@dataclass(frozen=True, slots=True)
class Study:
    """One question."""

    name: str
    about: str  #: one line for ``--list``
    run: Callable[[Bench, int], None]  #: bench, number of the run


@contextlib.contextmanager
def running(bench: Bench, label: str, shape: Shape) -> Iterator[Appliance]:
    """Run an appliance of this shape for a while."""
    appliance = Appliance(bench.lab, shape, label)
    appliance.start()
    try:
        yield appliance
    except LoadFailed as error:
        raise LoadFailed(f"{error}\n{appliance.last_words()}") from error
    finally:
        appliance.stop()


def log_in_all(bench: Bench, target: Target) -> None:
    """Let every account of ``target`` log in once."""
    with bench.load("logins", target, sessions=WINDOW, seconds=WARM_S, warmup=0.0, limit=target.users) as load:
        load.ready()
        load.go()
        load.done()


def get_acquainted(bench: Bench, peer: Peer) -> None:
    """Let a peer know its accounts before it is measured."""
    peer.get_acquainted(lambda accounts: log_in_all(bench, peer.target("imap", len(accounts), accounts.start)), bench.scale)


def logins(bench: Bench, appliance: Appliance, target: Target, sessions: int = WINDOW) -> Measured:
    """Measure logins, so many at a time."""
    scale = bench.scale
    with bench.load("logins", target, sessions=sessions, seconds=scale.seconds, warmup=scale.warmup_s) as load:
        return bench.run(appliance, load)


def keep(bench: Bench, name: str, run: int, values: dict[str, float], *measured: Measured) -> None:
    """Add a sample that rests on these measurements."""
    disturbed = tuple(dict.fromkeys(reason for each in measured for reason in each.disturbed))
    bench.results.samples.append(Sample(NAME, name, run, values, measured[-1].load if measured else {}, disturbed))
