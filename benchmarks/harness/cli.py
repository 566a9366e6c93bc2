"""The command line: runs a plan in a lab, and publishes what came of it."""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness import machine, meter, profile
from benchmarks.harness.bench import Bench
from benchmarks.harness.cores import Cores
from benchmarks.harness.execute import execute, say
from benchmarks.harness.lab import Lab
from benchmarks.harness.loadgen import LoadFailed
from benchmarks.harness.plan import Plan, chosen, everything, parse
from benchmarks.harness.plot import svg
from benchmarks.harness.results import Results
from benchmarks.harness.scale import Scale
from benchmarks.harness.table import markdown
from cgappliance.testing.lab.process import ServerFailed

OPEN_FILES = 32_768  #: 5,000 sessions are 10,000 sockets in a proxy


def raise_open_files() -> None:
    """Let this process and what it starts open files enough for thousands of sessions: a shell's usual limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextlib.contextmanager
def bench_of(scale: Scale, programs: Path) -> Iterator[Bench]:
    """Run the back ends in a folder that is gone afterwards."""
    raise_open_files()
    results = Results({**machine.about(scale.name, scale.runs), "idle_sessions": scale.idle, "meter": meter.kind()})
    cores = Cores.of_this_machine()
    with tempfile.TemporaryDirectory(prefix="cgbench-") as folder:
        Path(folder).chmod(0o755)  # Dovecot and nginx give up root and still read their files
        with Lab(Path(folder), cores, programs.resolve(), scale.accounts) as lab:
            yield Bench(lab, cores, scale, results)


def measure(plan: Plan, programs: Path) -> Results:
    """Run a plan and return its results. Blocks for minutes to hours."""
    with bench_of(plan.scale, programs) as bench:
        execute(bench, plan)
        return bench.results


def publish(results: Results, folder: Path) -> None:
    """Write the results as JSON, table and picture, and show the table."""
    results.write(folder / "results.json")
    table = markdown(results)
    (folder / "table.md").write_text(table)
    (folder / "plot.svg").write_text(svg(results))
    say(f"\n{table}\nwritten to {folder}: results.json, table.md, plot.svg")


def profile_into(folder: Path, scale: Scale, programs: Path) -> int:
    """Write and show where the time goes; returns the exit status."""
    try:
        with bench_of(scale, programs) as bench:
            text = profile.write(profile.profile(bench, folder.resolve()), folder)
    except (LoadFailed, ServerFailed, FileNotFoundError) as error:
        print(f"no profile: {error}", file=sys.stderr)
        return 1
    say(f"{text}\nwritten to {folder}: profile.md, profile.json, and a flame graph profile-*.svg for each of them")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status: 1 when something that was tried went wrong."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.list:
        for name, about in everything():
            say(f"{name:28} {about}")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    if options.profile:
        return profile_into(options.out, chosen(options).scale, options.programs)
    results = Results.read(options.render) if options.render else measure(chosen(options), options.programs)
    publish(results, options.out)
    return 1 if any(gap.failed for gap in results.gaps) else 0
