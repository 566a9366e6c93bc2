"""What a relay in Python could do at most on the proxy's core (``benchmarks/ceiling.py``), in the same run as the peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.bench import Bench
from benchmarks.harness.cores import pinned
from benchmarks.harness.results import Sample
from benchmarks.studies.base import Study
from cgappliance.testing.lab.process import clean_environment

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0


def run(bench: Bench, number: int) -> None:
    """Measure the ceiling once."""
    pair = bench.lab.certificate
    arguments = ["--certificate", str(pair.certificate), "--key", str(pair.private_key), "--ca", str(bench.lab.ca_file)]
    command = pinned([sys.executable, "-m", "benchmarks.ceiling", *arguments], bench.cores.proxy)
    environment = clean_environment(PYTHONPATH=str(ROOT))
    before = bench.calibrated()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S, env=environment)
    reasons = bench.disturbances({}, 0.0, (before, bench.calibrated()))
    bench.results.samples.append(Sample("ceiling", "ceiling", number, json.loads(done.stdout), disturbed=reasons))


STUDY = Study("ceiling", "cryptography and system calls of a relay alone, in Python, and handshakes in memory", run)
