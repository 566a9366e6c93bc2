"""Logins: a new TCP and TLS connection, the protocol's login with a password, and its farewell."""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.harness.loadgen import LoadFailed
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import Workload


def measure_logins(bench: Bench, peer: Peer, run: int, name: str, protocol: str, sessions: int, *, resume: bool = False) -> None:
    """Measure logins, ``sessions`` at a time, and keep the sample as ``name``."""
    scale = bench.scale
    accounts = peer.accounts_for_logins(scale)
    target = peer.target(protocol, len(accounts), accounts.start)
    options = {"sessions": sessions, "seconds": scale.seconds, "warmup": scale.warmup_s, "resume": resume}
    with bench.load("logins", target, **options) as load:
        measured = bench.run(peer, load)
    figures = measured.figures
    if accounts.start and figures["started"] > len(accounts):
        raise LoadFailed(f"{len(accounts)} accounts were too few: some have logged in twice, and were remembered")
    upstream = measured.upstream
    values = {
        "logins_per_s": measured.rate,
        "p50_ms": figures["p50_us"] / 1e3,
        "p99_ms": figures["p99_us"] / 1e3,
        "upstream_resumed_share": _share(upstream["resumed_handshakes"], upstream["full_handshakes"]),
        "upstream_connections_per_login": upstream["connections"] / measured.operations,
    }
    if measured.proxy_cpu_s:
        values["logins_per_cpu_s"] = measured.operations / measured.proxy_cpu_s
    bench.keep(peer, name, run, measured, values)


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def _workload(protocol: str, sessions: int, *, resume: bool = False) -> Workload:
    name = f"{protocol}-login-{sessions}" + ("-resumed" if resume else "")
    at_a_time = "one at a time" if sessions == 1 else f"{sessions} at a time"
    about = f"{protocol.upper()} logins, {at_a_time}" + (", clients resume their TLS sessions" if resume else "")

    def measure(bench: Bench, peer: Peer, run: int) -> None:
        measure_logins(bench, peer, run, name, protocol, sessions, resume=resume)

    return Workload(name, about, measure, quick=sessions > 1 or protocol == "imap")


WORKLOADS = (
    _workload("imap", 1),
    _workload("imap", 16),
    _workload("imap", 16, resume=True),
    _workload("pop3", 1),
    _workload("pop3", 16),
    _workload("smtp", 1),
    _workload("smtp", 16),
)
