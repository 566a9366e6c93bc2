"""Which processor core does what: the measured proxy has one of its own, so that the load never shares it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """The layout of one machine."""

    load: int  #: load generator, directory, harness
    upstream: int  #: the same as ``load`` on a machine with two cores
    proxy: int
    second: int  #: of a second worker; shared with the load on a machine with two cores

    @classmethod
    def of_this_machine(cls) -> Cores:
        """Return the layout for the cores that this process may use.

        Four cores or more give everybody a core; two give the proxy one and the rest the other; one is shared by all, and the
        results say so.
        """
        mine = sorted(os.sched_getaffinity(0))
        if len(mine) >= 4:
            return cls(load=mine[0], upstream=mine[2], proxy=mine[1], second=mine[3])
        if len(mine) == 3:
            return cls(load=mine[0], upstream=mine[2], proxy=mine[1], second=mine[2])
        return cls(load=mine[0], upstream=mine[0], proxy=mine[-1], second=mine[0])

    @property
    def proxy_is_alone(self) -> bool:
        """Whether nothing of the benchmark shares the proxy's core."""
        return self.proxy not in (self.load, self.upstream)

    @property
    def two_workers_are_alone(self) -> bool:
        """Whether wall-clock figures of two workers mean something."""
        return self.proxy_is_alone and self.second not in (self.load, self.upstream, self.proxy)


def pinned(argv: Sequence[str], *cores: int) -> list[str]:
    """Return the command that runs ``argv`` on ``cores`` only."""
    taskset = shutil.which("taskset") or "/usr/bin/taskset"
    return [taskset, "-c", ",".join(str(core) for core in sorted(set(cores))), *argv]


@contextlib.contextmanager
def urgent(*pids: int) -> Iterator[None]:
    """Let processes run before all others of their core for a while, where the kernel allows it.

    For workloads that time single answers while other sessions are busy: without it they would time the scheduling between load
    generator and upstream, which share a core.
    """
    before = {}
    for pid in pids:
        with contextlib.suppress(PermissionError):
            before[pid] = os.sched_getscheduler(pid)
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        for pid, policy in before.items():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                os.sched_setscheduler(pid, policy, os.sched_param(0))
