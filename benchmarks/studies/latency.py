"""Login latency over a slow line: through the appliance, and straight to the upstream, over the same delay.

Clients are near the appliance, the upstream and the token endpoint are 50 ms of round trip away (``benchmarks/delay_line.py``).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.cores import pinned
from benchmarks.harness.loadgen import Target
from benchmarks.peers.appliance import OFFSETS, Appliance, Shape
from benchmarks.peers.direct import Direct
from benchmarks.studies.base import Study, keep, running
from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port, port_open

ROOT = Path(__file__).parents[2]
ROUND_TRIP_MS = 50
LIMIT_S = 120.0


@contextlib.contextmanager
def delay_line(bench: Bench) -> Iterator[dict[str, int]]:
    """Run the line; gives the ports of its near end by protocol, the token endpoint's as ``http``."""
    upstream = bench.lab.upstream.ports
    near = {name: free_port() for name in (*OFFSETS, "http")}
    pairs = [f"{near[name]}:{upstream['http:plain' if name == 'http' else f'{name}:tls']}" for name in near]
    command = [sys.executable, "-m", "benchmarks.delay_line", "--round-trip-ms", str(ROUND_TRIP_MS), *pairs]
    process = ServerProcess(
        pinned(command, bench.cores.load),
        log=bench.lab.folder / "delay-line.log",
        ready=lambda: all(port_open("127.0.0.1", port) for port in near.values()),
        environment=clean_environment(PYTHONPATH=str(ROOT)),
    )
    with process:
        yield near


def _logins(bench: Bench, peer: Appliance | Direct, target: Target) -> Measured:
    """Log each account in once, one at a time."""
    with bench.load("logins", target, sessions=1, seconds=LIMIT_S, warmup=0.0, limit=target.users) as load:
        return bench.run(peer, load)


def _one(bench: Bench, appliance: Appliance, protocol: str, near: int, number: int) -> None:
    """Compare one protocol. Each has accounts of its own, so that its first logins need tokens."""
    count = bench.scale.latency_logins
    target = appliance.target(protocol, count, first_user=count * list(OFFSETS).index(protocol))
    straight = _logins(bench, Direct(bench.lab), Target(protocol, near, bench.lab.ca_file, count))
    first = _logins(bench, appliance, target)
    again = _logins(bench, appliance, target)
    direct_ms, first_ms, again_ms = (measured.figures["p50_us"] / 1e3 for measured in (straight, first, again))
    values = {
        "direct_ms": direct_ms,
        "first_ms": first_ms,
        "again_ms": again_ms,
        "again_p99_ms": again.figures["p99_us"] / 1e3,
        "share_of_direct": again_ms / direct_ms,
    }
    # delays of a line do not depend on a slower core: no run is doubtful here
    keep(bench, f"{protocol}-login-50ms", number, values)


def run(bench: Bench, number: int) -> None:
    """Compare all three protocols."""
    with delay_line(bench) as near:
        token_url = f"http://127.0.0.1:{near['http']}/token"
        shape = Shape(upstream_ports={protocol: near[protocol] for protocol in OFFSETS}, token_url=token_url)
        with running(bench, "latency", shape) as appliance:
            for protocol in OFFSETS:
                _one(bench, appliance, protocol, near[protocol], number)


STUDY = Study("latency", "logins over a line of 50 ms round trip: through the appliance against straight to the upstream", run)
