from types import SimpleNamespace

import pytest

from benchmarks.harness.execute import measure_one, measure_peer
from benchmarks.harness.loadgen import LoadFailed
from benchmarks.harness.results import Results
from benchmarks.workloads.base import Workload
from cgappliance.testing.lab.process import ServerFailed


class FakePeer:
    """Remembers what was done to it."""

    name = "fake"
    unfit = ""

    def get_acquainted(self, log_in, scale):
        log_in(range(scale.users))

    def __init__(self, lab=None):
        self.calls = []

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")

    def why_unfit(self, workload):
        return self.unfit or None

    def last_words(self):
        return "last words"


@pytest.fixture
def bench():
    return SimpleNamespace(results=Results({}), lab=None)


def workload(error=None):
    def measure(bench, peer, run):
        peer.calls.append(f"run {run}")
        if error is not None:
            raise error

    return Workload("imap-noop-1", "about", measure)


def reasons(bench):
    return [(gap.workload, gap.reason, gap.failed) for gap in bench.results.gaps]


def test_a_workload_that_fails_is_a_gap_and_the_peer_is_started_anew(bench):
    peer = FakePeer()

    measure_one(bench, peer, workload(LoadFailed("byte 7 differs")), 1)

    assert reasons(bench) == [("imap-noop-1", "byte 7 differs", True)]
    assert peer.calls == ["run 1", "stop", "start"]


def test_a_workload_that_has_failed_is_not_tried_again(bench):
    peer = FakePeer()

    for run in (1, 2):
        measure_one(bench, peer, workload(LoadFailed("silence")), run)

    assert "run 2" not in peer.calls


def test_a_workload_that_makes_no_sense_is_a_gap_without_failure(bench):
    peer = FakePeer()
    peer.unfit = "takes an hour"

    measure_one(bench, peer, workload(), 1)

    assert reasons(bench) == [("imap-noop-1", "takes an hour", False)]
    assert peer.calls == []


def test_a_peer_that_does_not_start_is_a_gap_for_each_workload(bench):
    class Broken(FakePeer):
        def start(self):
            raise ServerFailed("no port")

    measure_peer(bench, SimpleNamespace(workloads=(workload(), workload())), Broken, 1)

    assert reasons(bench) == [("imap-noop-1", "no port", True)] * 2


def test_a_peer_that_crashes_does_not_end_the_benchmark(bench):
    class Crashed(FakePeer):
        def stop(self):
            raise ServerFailed("ended by itself")

        def target(self, *_arguments):
            raise LoadFailed("connection refused")

    bench.scale = SimpleNamespace(users=1)
    measure_peer(bench, SimpleNamespace(workloads=(workload(),)), Crashed, 1)

    assert ("stop", "ended by itself", True) in reasons(bench)
