"""What a process tree has cost: exact CPU time from its own control group, memory from the kernel's page accounts.

Without the right to make a control group, CPU time comes from ``/proc`` in steps of 10 ms; the results say which one it was.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

CGROUP_V1 = Path("/sys/fs/cgroup/cpuacct")
CGROUP_V2 = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
REMOVE_TRIES = 50  #: a control group can be removed once its last process is reaped
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Meter(Protocol):
    """Measures one process tree, children that have ended included."""

    kind: str

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs ``argv`` inside the meter."""
        ...

    def watch(self, pid: int) -> None:
        """Tell which process was started."""
        ...

    def cpu_s(self) -> float:
        """Return user and system seconds so far."""
        ...

    def pids(self) -> list[int]:
        """Return the processes that run now."""
        ...

    def close(self) -> None:
        """Forget the tree; its processes have ended."""
        ...


class CgroupMeter:
    """Exact to the nanosecond (version 1) or microsecond (version 2)."""

    def __init__(self, parent: Path, name: str) -> None:
        """Make the group ``name`` below ``parent``, which is one of the mounts above."""
        self._group = parent / f"cgbench-{os.getpid()}-{name}"
        self._group.mkdir()
        self._v1 = (self._group / "cpuacct.usage").exists()
        self.kind = f"control group v{1 if self._v1 else 2}"

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return a command that enters the group before it becomes ``argv``: nothing of the program runs outside."""
        return ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', str(self._group / "cgroup.procs"), *argv]

    def watch(self, pid: int) -> None:
        """Nothing to do: the kernel knows who is in the group."""

    def cpu_s(self) -> float:
        """Return user and system seconds so far."""
        if self._v1:
            return int((self._group / "cpuacct.usage").read_text()) / 1e9
        fields = dict(line.split() for line in (self._group / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6

    def pids(self) -> list[int]:
        """Return the processes that run now."""
        return [int(line) for line in (self._group / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        """Remove the group."""
        for _ in range(REMOVE_TRIES):
            try:
                self._group.rmdir()
            except OSError:
                time.sleep(0.02)
            else:
                return


class ProcMeter:
    """From ``/proc``: for machines where no control group may be made."""

    kind = "/proc, 10 ms steps"

    def __init__(self) -> None:
        """Measure nothing until ``watch``."""
        self._root: int | None = None

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return ``argv`` as it is."""
        return list(argv)

    def watch(self, pid: int) -> None:
        """Measure this process and its descendants."""
        self._root = pid

    def cpu_s(self) -> float:
        """Return user and system seconds of all descendants; those of ended children are in their parents' accounts."""
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                ticks += sum(int(field) for field in _stat(pid)[11:15])
        return ticks * TICK_S

    def pids(self) -> list[int]:
        """Return the processes that run now."""
        return [] if self._root is None else list(_tree(self._root))

    def close(self) -> None:
        """Forget the tree."""
        self._root = None


def make_meter(name: str) -> Meter:
    """Return the best meter that this machine allows."""
    for parent in (CGROUP_V1, *CGROUP_V2):
        if not (parent / "cgroup.procs").exists():
            continue
        with contextlib.suppress(OSError):
            meter = CgroupMeter(parent, name)
            try:
                meter.cpu_s()
            except OSError:
                meter.close()
            else:
                return meter
    return ProcMeter()


def kind() -> str:
    """Return how CPU time is measured on this machine."""
    meter = make_meter("probe")
    meter.close()
    return meter.kind


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` behind the command name: field 3 of proc(5) is index 0."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += parents.get(pid, [])


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of one process, its threads included, from the scheduler's own account (nanoseconds)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pss_kib(pids: Iterable[int]) -> int:
    """Return the memory of processes in KiB, shared pages divided among those that share them (proportional set size)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def core_busy_s(core: int) -> float:
    """Return the seconds that a core has worked for anybody since boot, time stolen by the host included (steps of 10 ms)."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = (int(field) for field in rest.split())
            return (user + nice + system + irq + softirq + steal) * TICK_S
    raise ValueError(f"no core {core} in /proc/stat")
