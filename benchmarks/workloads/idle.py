"""Idle sessions: what thousands of clients in IDLE cost in memory and CPU, and what their presence costs the others."""

from __future__ import annotations

import contextlib
import time

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.loadgen import Load
from benchmarks.harness.results import Sample
from benchmarks.peers.base import Peer
from benchmarks.workloads.base import WINDOW, Workload
from benchmarks.workloads.commands import measure_noops
from benchmarks.workloads.logins import measure_logins

SETTLE_S = 0.5  #: for the last session's answer to be counted before memory is read
CLOSING_S = 3.0  #: for thousands of sessions to be ended, written down and forgotten


def _watch_quiet(bench: Bench, peer: Peer) -> Measured:
    """Return what the proxy does while nothing happens."""
    first, before = bench.calibrated(), bench.moment(peer)
    time.sleep(bench.scale.idle_quiet_s)
    after = bench.moment(peer)
    return bench.between(before, after, {}, (first, bench.calibrated()))


def _keep(bench: Bench, peer: Peer, run: int, sessions: int, fresh_kib: int) -> None:
    time.sleep(SETTLE_S)
    held_kib = (peer.pss_kib() or 0) - fresh_kib
    quiet = _watch_quiet(bench, peer)
    values = {
        "pss_kib_per_session": held_kib / sessions,
        "fresh_mib": fresh_kib / 1024,
        "idle_cpu_percent": 100 * quiet.proxy_cpu_s / quiet.seconds,
    }
    # neither a slower core nor a neighbour changes what memory holds, or how much CPU time nothing takes
    bench.results.samples.append(Sample(peer.name, f"imap-idle-{sessions}", run, values))


def _hold(bench: Bench, peer: Peer, stack: contextlib.ExitStack, sessions: int, first_user: int) -> Load:
    target = peer.target("imap", bench.scale.users, first_user)
    load = stack.enter_context(bench.load("idle", target, sessions=sessions, window=WINDOW))
    load.ready()
    return load


def measure(bench: Bench, peer: Peer, run: int) -> None:
    """Open the first number of sessions, measure, open the rest, measure, then log in and send commands beside them, and after.

    The peer is started anew: memory that earlier work has left behind would hide what a session needs. What the presence of
    sessions costs is told by the logins right after they have gone: minutes apart, the machine's own moods are greater.
    """
    fewer, more = bench.scale.idle
    peer.stop()
    peer.start()
    fresh_kib = peer.pss_kib() or 0
    with contextlib.ExitStack() as stack:
        _hold(bench, peer, stack, fewer, 0)
        _keep(bench, peer, run, fewer, fresh_kib)
        _hold(bench, peer, stack, more - fewer, 0)
        _keep(bench, peer, run, more, fresh_kib)
        measure_logins(bench, peer, run, f"imap-login-16-beside-{more}", "imap", 16)
        measure_noops(bench, peer, run, f"imap-noop-1-beside-{more}", 1)
    time.sleep(CLOSING_S)
    measure_logins(bench, peer, run, f"imap-login-16-after-{more}", "imap", 16)
    measure_noops(bench, peer, run, f"imap-noop-1-after-{more}", 1)


WORKLOADS = (Workload("imap-idle", "2,000 and 5,000 sessions in IDLE; logins and NOOPs beside them", measure),)
