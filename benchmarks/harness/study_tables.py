"""The tables of the studies: a row per size, protocol or kind of work instead of a row per peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from benchmarks.harness.results import Results
from benchmarks.harness.text import cell, grid


@dataclass(frozen=True, slots=True)
class StudyTable:
    """One study."""

    title: str
    text: str
    peer: str
    workloads: str  #: pattern of their names
    columns: Sequence[tuple[str, str, int]]  #: title, value, digits


TABLES: Sequence[StudyTable] = (
    StudyTable(
        "Login latency over a line of 50 ms round trip",
        "Straight to the upstream; through the appliance for the first time (a token is fetched over the same line), and again. "
        "p50, ms.",
        "appliance",
        "*-login-50ms",
        (
            ("straight", "direct_ms", 0),
            ("first", "first_ms", 0),
            ("again", "again_ms", 0),
            ("again, of straight", "share_of_direct", 2),
        ),
    ),
    StudyTable(
        "Two workers against one",
        "Cost: CPU time of a unit of work, two workers by one. Spread: CPU time of both by that of the busier. "
        "Both together: what two free cores would do.",
        "appliance",
        "workers-*",
        (("together", "two_against_one", 2), ("cost", "cost_of_two", 2), ("spread", "spread", 2)),
    ),
    StudyTable(
        "Growth",
        "By number of tenants; 5,000 accounts at most log in. Memory is PSS of the whole process tree, one worker; "
        "at rest: 90 s after the logins.",
        "appliance",
        "growth-*",
        (
            ("accounts", "accounts", 0),
            ("logins per CPU s", "logins_per_cpu_s", 0),
            ("start, s", "start_s", 2),
            ("fresh, MB", "fresh_mb", 0),
            ("right after logins, MB", "idle_mb", 0),
            ("at rest, MB", "rested_mb", 0),
            ("reload of one tenant, s", "reload_s", 2),
        ),
    ),
    StudyTable(
        "The ceiling of a relay in Python on this core",
        "GB per CPU second: decrypting and encrypting again in memory, by chunk; receiving and sending without TLS; both together. "
        "Handshakes in memory, us.",
        "ceiling",
        "ceiling",
        (
            ("TLS 1 KiB", "tls_1k_gb_per_cpu_s", 2),
            ("16 KiB", "tls_16k_gb_per_cpu_s", 2),
            ("256 KiB", "tls_256k_gb_per_cpu_s", 2),
            ("sockets 16 KiB", "socket_16k_gb_per_cpu_s", 2),
            ("256 KiB", "socket_256k_gb_per_cpu_s", 2),
            ("together", "relay_gb_per_cpu_s", 2),
            ("handshake: server full", "server_full_handshake_us", 0),
            ("client full", "client_full_handshake_us", 0),
            ("server resumed", "server_resumed_handshake_us", 0),
            ("client resumed", "client_resumed_handshake_us", 0),
        ),
    ),
)


def study_tables(results: Results) -> list[str]:
    """Return the tables of the studies that were run."""
    parts = []
    for table in TABLES:
        rows = [
            [name, *(cell(results.summary(table.peer, name, value), digits) for _, value, digits in table.columns)]
            for name in results.workloads()
            if fnmatch(name, table.workloads)
        ]
        if rows:
            parts.append(f"## {table.title}\n\n{table.text}\n\n{grid(['work', *(title for title, _, _ in table.columns)], rows)}")
    return parts
