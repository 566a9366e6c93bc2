"""Where the appliance's time goes: flame graphs, and microseconds by phase and by library, for a login and for a relayed MB.

py-spy samples the Python stacks of the whole process tree while the load generator works; perf, where it is allowed, tells kernel,
OpenSSL and interpreter apart. Both only say how time is shared out; how much there is comes from the control group, in a window
without any profiler.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import flame
from benchmarks.harness.bench import Bench
from benchmarks.harness.cores import pinned
from benchmarks.harness.loadgen import Target
from benchmarks.harness.phases import busy_stacks, own_time, shares
from benchmarks.harness.text import grid
from benchmarks.peers.appliance import Appliance, ApplianceBind
from benchmarks.studies.base import get_acquainted
from benchmarks.workloads.base import WINDOW

RATE_HZ = 400  #: stacks per second; the sampler runs on the load's core
SETTLE_S = 3.0  #: the load works so much longer than the profilers look, which need time to start
TOOL_TIMEOUT_S = 60.0
DEAREST = 15  #: functions that are listed
KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is profiled."""

    name: str
    peer: type[Appliance]
    unit: str
    work: str
    protocol: str
    sessions: int
    per: float  #: units of one "bytes" or "operations" count
    count: str


SUBJECTS: Sequence[Subject] = (
    Subject("login", Appliance, "login", "logins", "imap", WINDOW, 1.0, "operations"),
    Subject("login-bind", ApplianceBind, "login that asks the directory", "logins", "imap", WINDOW, 1.0, "operations"),
    Subject("relay", Appliance, "relayed MB", "download", "imap", 1, 1e-6, "bytes"),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What was found out about one subject."""

    subject: Subject
    cpu_us: float  #: per unit
    phases: Mapping[str, float]  #: shares
    functions: Mapping[str, float]  #: shares of the dearest
    libraries: Mapping[str, float]  #: shares; empty: perf is not there or not allowed


def profile(bench: Bench, folder: Path) -> list[Profile]:
    """Profile all subjects; writes the flame graphs into ``folder``.

    Raises:
        FileNotFoundError: py-spy is not installed.
        LoadFailed: the appliance did not do the work.
    """
    return [_started(bench, subject, folder) for subject in SUBJECTS]


def _started(bench: Bench, subject: Subject, folder: Path) -> Profile:
    appliance = subject.peer(bench.lab)
    appliance.start()
    try:
        get_acquainted(bench, appliance)
        return _profile(bench, appliance, subject, folder)
    finally:
        appliance.stop()


def _profile(bench: Bench, appliance: Appliance, subject: Subject, folder: Path) -> Profile:
    scale = bench.scale
    options = {"sessions": subject.sessions, "mib": scale.bulk_mib_one, "warmup": scale.warmup_s / 2}
    with bench.load(subject.work, _accounts(bench, appliance, subject), seconds=scale.seconds, **options) as load:
        measured = bench.run(appliance, load)
    cpu_us = measured.proxy_cpu_s * 1e6 / (float(measured.figures[subject.count]) * subject.per)
    watch_s = max(1, round(scale.seconds))
    with bench.load(subject.work, _accounts(bench, appliance, subject), seconds=2 * watch_s + SETTLE_S, **options) as load:
        load.ready()
        load.go()
        stacks = _spy(bench, appliance, folder / f"profile-{subject.name}.stacks", watch_s)
        libraries = _libraries(bench, appliance, folder, watch_s)
        load.stop()
        load.done()
    title = f"CPU time of a {subject.unit}: {cpu_us:.0f} us"
    (folder / f"profile-{subject.name}.svg").write_text(flame.svg(stacks, title))
    return Profile(subject, cpu_us, shares(stacks), own_time(stacks, DEAREST), libraries)


def _accounts(bench: Bench, appliance: Appliance, subject: Subject) -> Target:
    accounts = appliance.accounts_for_logins(bench.scale)
    return appliance.target(subject.protocol, len(accounts), accounts.start)


def _spy(bench: Bench, appliance: Appliance, out: Path, seconds: int) -> Counter[tuple[str, ...]]:
    """Return what the whole process tree did for some seconds; ``out`` keeps the sampler's own words."""
    program = Path(os.environ.get("CGBENCH_TOOLS", "")) / "bin" / "py-spy"
    if not program.exists():
        raise FileNotFoundError("py-spy is not installed (script/bench does it)")
    options = ["--subprocesses", "--rate", str(RATE_HZ), "--duration", str(seconds), "--format", "raw", "--output", str(out)]
    command = [str(program), "record", "--pid", str(appliance.root_pid), *options]
    subprocess.run(pinned(command, bench.cores.load), check=True, capture_output=True, timeout=TOOL_TIMEOUT_S + seconds)
    return busy_stacks(out.read_text().splitlines())


def _libraries(bench: Bench, appliance: Appliance, folder: Path, seconds: int) -> dict[str, float]:
    """Return the share of each library and of the kernel, by perf; empty when it cannot be used here."""
    perf, data = shutil.which("perf"), folder / "perf.data"
    if perf is None:
        return {}
    pids = ",".join(str(pid) for pid in appliance.pids())
    record = [perf, "record", "-q", "-e", "cpu-clock", "-F", "999", "-p", pids, "-o", str(data), "--", "sleep", str(seconds)]
    done = subprocess.run(pinned(record, bench.cores.load), capture_output=True, timeout=TOOL_TIMEOUT_S + seconds, check=False)
    if done.returncode or not data.exists():
        return {}
    report = [perf, "report", "-q", "-i", str(data), "--sort", "dso", "--stdio"]
    text = subprocess.run(report, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False).stdout
    data.unlink()
    found = re.findall(r"^\s*([\d.]+)%\s+(\S+)", text, re.MULTILINE)
    return {
        KERNEL if name == "[kernel.kallsyms]" else name: float(percent) / 100 for percent, name in found if float(percent) >= 0.5
    }


def markdown(profiles: Sequence[Profile]) -> str:
    """Return the tables."""
    parts = ["# Where the time goes"]
    for each in profiles:
        unit = each.subject.unit
        parts.append(f"## A {unit}: {each.cpu_us:.0f} us of CPU")
        for title, found in (("phase", each.phases), ("library", each.libraries), ("function itself", each.functions)):
            rows = [[name, f"{share * each.cpu_us:.1f}", f"{100 * share:.1f}"] for name, share in found.items()]
            if rows:
                parts.append(grid([title, f"us per {unit}", "%"], rows))
        if not each.libraries:
            parts.append("By library: not known, perf is missing or not allowed here.")
    return "\n\n".join(parts) + "\n"


def write(profiles: Sequence[Profile], folder: Path) -> str:
    """Write the tables as Markdown and JSON, and return the Markdown."""
    text = markdown(profiles)
    (folder / "profile.md").write_text(text)
    shared = ("phases", "libraries", "functions")
    found = {each.subject.name: {"cpu_us": each.cpu_us, **{name: getattr(each, name) for name in shared}} for each in profiles}
    (folder / "profile.json").write_text(json.dumps(found, indent=1) + "\n")
    return text
