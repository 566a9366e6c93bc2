"""Which connections are traced, for how long, and how much."""

import io
import sys

import pytest

from cgappliance import log
from cgappliance.model import MailProtocol
from cgappliance.net import tracing
from cgappliance.net.tracing import EARLY_LINES_MAX, TRACES_MAX, Traces

YUKI, TARO = "yuki@acme.example", "taro@acme.example"


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def traces(clock):
    return Traces(clock)


@pytest.fixture
def written():
    """Return a function: the traced lines so far."""
    stream = io.StringIO()
    log.configure(stream=stream)
    yield lambda: [line for line in stream.getvalue().splitlines() if "event=trace " in line]
    log.configure(stream=sys.__stderr__)


class Said:
    """A stream that has this to say, a piece at a time."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = b""

    def recv(self):
        return self.pieces.pop(0)

    def sendall(self, data):
        self.sent += data

    def close(self, *, goodbye=True):
        self.pieces = []


class FakeRelay:
    tap = None


def connection(traces):
    return traces.connection("c1-1", "acme", MailProtocol.IMAP)


def test_nothing_is_kept_while_nobody_is_traced(traces):
    assert connection(traces) is None


def test_what_was_said_before_the_login_is_written_when_it_is_the_one(traces, written):
    traces.start(YUKI, 60)
    trace = connection(traces)
    stream = trace.around_client(Said(b"a NOOP\r\n"))
    stream.sendall(b"* OK ready\r\n")
    assert stream.recv() == b"a NOOP\r\n"
    assert written() == []
    trace.belongs_to(YUKI)
    assert [line.partition("side=")[2] for line in written()] == [
        'appliance line="* OK (12 octets)"',
        'client line="#1 NOOP (8 octets)"',
    ]


def test_the_dialogue_of_another_is_never_written(traces, written):
    traces.start(YUKI, 60)
    trace = connection(traces)
    stream = trace.around_client(Said(b"a NOOP\r\n", b"b NOOP\r\n"))
    stream.recv()
    trace.belongs_to(TARO)
    stream.recv()
    assert written() == []
    relay = FakeRelay()
    trace.attach(relay)
    assert relay.tap is None


def test_a_second_try_on_the_connection_may_be_the_one(traces, written):
    traces.start(YUKI, 60)
    trace = connection(traces)
    trace.around_client(Said(b"a NOOP\r\n")).recv()
    trace.belongs_to(TARO)
    trace.belongs_to(YUKI)
    assert len(written()) == 1


def test_a_relay_is_heard_until_the_time_is_over(traces, clock, written):
    traces.start(YUKI, 60)
    trace, relay = connection(traces), FakeRelay()
    trace.belongs_to(YUKI)
    trace.attach(relay)
    relay.tap(True, b"a NOOP\r\n")
    relay.tap(False, b"a OK done\r\n")
    clock.now += 61
    relay.tap(True, b"b NOOP\r\n")
    assert relay.tap is None
    assert len(written()) == 2


def test_a_trace_can_be_ended_before(traces, written):
    traces.start(YUKI, 60)
    trace = connection(traces)
    trace.belongs_to(YUKI)
    traces.start(YUKI, 0)
    trace.around_client(Said(b"a NOOP\r\n")).recv()
    assert written() == []
    assert connection(traces) is None


def test_memory_before_the_login_is_bounded(traces, written):
    traces.start(YUKI, 60)
    trace = connection(traces)
    trace.around_client(Said(b"a NOOP\r\n" * 10 * EARLY_LINES_MAX)).recv()
    trace.belongs_to(YUKI)
    assert len(written()) == EARLY_LINES_MAX


def test_a_trace_ends_after_so_many_lines(traces, written, monkeypatch):
    monkeypatch.setattr(tracing, "LINES_MAX", 5)
    traces.start(YUKI, 60)
    trace = connection(traces)
    trace.belongs_to(YUKI)
    trace.around_client(Said(b"a NOOP\r\n" * 50)).recv()
    assert len(written()) == 5
    assert not traces.wants(YUKI)


def test_there_are_not_more_than_so_many_traces(traces, clock):
    for number in range(TRACES_MAX):
        traces.start(f"person{number}@acme.example", 60)
    with pytest.raises(ValueError, match="traces are on already"):
        traces.start(YUKI, 60)
    clock.now += 61
    traces.start(YUKI, 60)
