"""Counting, and what is declared to be counted."""

import json
import re

import pytest

from cgappliance import metrics
from cgappliance.metrics import COUNTED, Counter, Histogram


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch):
    monkeypatch.setattr(metrics, "COUNTED", [])


def test_a_counter_hands_over_what_was_added_since_the_last_time():
    counter = Counter("x_total", "X.", "a", "b")
    counter.add("1", "2")
    counter.add("1", "2", amount=5)
    counter.add("1", "3")
    assert metrics.drain() == [["x_total", ["1", "2"], 6], ["x_total", ["1", "3"], 1]]
    assert metrics.drain() == []


def test_a_histogram_hands_over_sum_and_buckets():
    histogram = Histogram("x_seconds", "X.", "a", bounds=(0.1, 1.0))
    for amount in (0.05, 0.1, 0.5, 30.0):
        histogram.observe("k", amount=amount)
    [[name, labels, row]] = metrics.drain()
    assert (name, labels, row) == ("x_seconds", ["k"], [pytest.approx(30.65), 2, 1, 1])


def test_what_is_handed_over_survives_json():
    counter, histogram = Counter("x_total", "X.", "a"), Histogram("x_seconds", "X.")
    counter.add("名前")
    histogram.observe(amount=1.0)
    deltas = metrics.drain()
    assert json.loads(json.dumps(deltas)) == deltas


def test_names_follow_the_rules_of_prometheus():
    everything = [metric.description for metric in COUNTED] + list(metrics.GAUGES)
    assert everything
    for each in everything:
        assert re.fullmatch(r"cgappliance_[a-z_]+", each.name)
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert each.help[0].isupper() or each.help[0].isdigit()
        assert each.help.endswith(".")
    assert len({each.name for each in everything}) == len(everything)


def test_no_label_has_as_many_values_as_there_are_people():
    everything = [metric.description for metric in COUNTED] + list(metrics.GAUGES)
    assert {label for each in everything for label in each.labels}.isdisjoint({"account", "login", "peer", "address", "session"})


def test_a_few_deltas_are_handed_over_at_once_and_many_wait_to_be_added_up():
    counter = Counter("x_total", "X.", "a")
    for value in ("1", "2"):
        counter.add(value)
    assert metrics.drain_a_few(1) == []
    counter.add("1")
    assert metrics.drain_a_few(2) == [["x_total", ["1"], 2], ["x_total", ["2"], 1]]
    assert metrics.drain() == []
