"""Limits that are reached are told once a minute."""

import io
import sys

import pytest

from cgappliance import log, metrics
from cgappliance.net import limits


@pytest.fixture
def written():
    """Return what is logged, one line after the other."""
    stream = io.StringIO()
    log.configure(stream=stream)
    yield lambda: stream.getvalue().splitlines()
    log.configure(stream=sys.__stderr__)


@pytest.fixture
def clock(monkeypatch):
    """The time; set ``clock.now``."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    monkeypatch.setattr(limits, "_silent", {})
    return clock


def test_the_log_has_one_line_a_minute_and_the_metrics_have_all(clock, written):
    metrics.drain()
    for _ in range(5):
        limits.reached("sessions", peer="192.0.2.1")
    clock.now += limits.QUIET_S
    limits.reached("sessions", peer="192.0.2.9")
    assert [line.split("limit.reached ")[1] for line in written()] == [
        "limit=sessions times=1 peer=192.0.2.1",
        "limit=sessions times=5 peer=192.0.2.9",
    ]
    assert metrics.drain() == [["cgappliance_limit_reached_total", ["sessions"], 6]]


def test_limits_are_told_apart(clock, written):
    limits.reached("sessions")
    limits.reached("descriptors")
    assert len(written()) == 2
