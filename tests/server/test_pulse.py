"""Signs of life, and that no count is lost or told twice on the way."""

from types import SimpleNamespace

import pytest

from cgappliance import metrics
from cgappliance.metrics import Counter
from cgappliance.server import pulse as module
from cgappliance.server.pulse import Pulse
from cgappliance.server.worker import Worker


class Channel:
    """Keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


@pytest.fixture
def channel():
    return Channel()


@pytest.fixture(autouse=True)
def counter(monkeypatch):
    monkeypatch.setattr(metrics, "COUNTED", [metrics.HISTORY_DROPPED])
    monkeypatch.setattr(module, "FEW_COUNTS", 2)
    metrics.drain()
    return Counter("x_total", "X.", "a")


def alive(*counted, sessions=0):
    return {"event": "alive", "sessions": sessions, "metrics": [["x_total", [value], amount] for value, amount in counted]}


def test_beat_takes_a_few_counts_along(channel, counter):
    pulse = Pulse(channel, [1, 2, 3], lambda: 0)
    counter.add("t1", amount=2)
    pulse.beat()
    pulse.beat()
    assert channel.sent == [alive(("t1", 2), sessions=3), alive(sessions=3)]


def test_many_counts_wait_and_are_all_told(channel, counter):
    pulse = Pulse(channel, [], lambda: 0)
    for value in ("t1", "t2", "t3", "t1"):
        counter.add(value)
    pulse.beat()
    pulse.tell_all()
    assert channel.sent == [alive(), alive(("t1", 2), ("t2", 1), ("t3", 1))]


def test_lost_rows_of_the_history_are_counted_once(channel):
    pulse = Pulse(channel, [], iter([3, 3, 5]).__next__)
    for _ in range(3):
        pulse.beat()
    assert [message["metrics"] for message in channel.sent] == [
        [["cgappliance_history_dropped_total", [], 3]],
        [],
        [["cgappliance_history_dropped_total", [], 2]],
    ]


def test_counts_do_not_go_with_an_answer_that_may_come_too_late(channel, counter, monkeypatch):
    monkeypatch.setattr("cgappliance.server.worker.report", lambda *_, **__: {"answer": 1})
    worker = SimpleNamespace(
        _pulse=Pulse(channel, [], lambda: 0),
        _life=SimpleNamespace(number=0),
        _house=None,
        _appliance=SimpleNamespace(services={}),
        _persistence=SimpleNamespace(memory=SimpleNamespace(healthy=True)),
    )
    for value in ("t1", "t2", "t3"):
        counter.add(value)
    assert Worker._report(worker, {}) == {"answer": 1}
    assert channel.sent == [alive(("t1", 1), ("t2", 1), ("t3", 1))]
