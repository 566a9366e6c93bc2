from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cgappliance.model import Outcome
from cgappliance.store.statistics import Count
from cgappliance.web import plots

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKYO = ZoneInfo("Asia/Tokyo")


def plot(*counts: Count) -> plots.Plot:
    return plots.stacked(counts, START, START + 4 * HOUR, HOUR, TOKYO)


def test_counts_are_stacked_by_what_became_of_them() -> None:
    found = plot(
        Count(START, Outcome.ACCEPTED, "accepted", 3),
        Count(START, Outcome.REFUSED, "wrong_password", 1),
        Count(START, Outcome.UNAVAILABLE, "upstream_timeout", 1),
        Count(START + HOUR, Outcome.THROTTLED, "throttled", 2),
    )
    assert [column.numbers for column in found.columns] == [(3, 1, 1), (0, 2, 0), (0, 0, 0), (0, 0, 0)]
    assert found.totals == (3, 3, 1)


def test_parts_of_a_column_stand_on_each_other_and_on_the_floor() -> None:
    first, second = plot(Count(START, Outcome.ACCEPTED, "accepted", 3), Count(START, Outcome.REFUSED, "locked", 1)).columns[0].bars
    assert first.y + first.height == pytest.approx(plots.HEIGHT - plots.BOTTOM, abs=0.02)
    assert second.y + second.height == pytest.approx(first.y, abs=0.02)
    assert first.height == pytest.approx(3 * second.height, abs=0.05)


def test_what_is_outside_the_span_is_not_drawn() -> None:
    found = plot(Count(START - HOUR, Outcome.ACCEPTED, "accepted", 1), Count(START + 4 * HOUR, Outcome.ACCEPTED, "accepted", 1))
    assert found.totals == (0, 0, 0)


@pytest.mark.parametrize(("highest", "top"), [(0, 5), (5, 5), (6, 10), (11, 20), (20, 20), (21, 50), (99, 100), (101, 200)])
def test_a_scale_ends_at_a_round_number(highest: int, top: int) -> None:
    assert plots.scale_top(highest) == top


def test_times_are_those_of_the_tenant() -> None:
    assert plot().times[0].label == "12:00"


@pytest.mark.parametrize(
    ("span", "width"), [(HOUR, timedelta(minutes=2)), (24 * HOUR, timedelta(minutes=30)), (31 * 24 * HOUR, timedelta(hours=24))]
)
def test_buckets_are_as_wide_as_people_count(span: timedelta, width: timedelta) -> None:
    begin, end, found = plots.buckets(START, START + span, TOKYO)
    assert found == width
    assert begin <= START
    assert START + span <= end
    assert (end - begin) / found <= 60


def test_days_begin_when_the_tenants_do() -> None:
    begin, _, _ = plots.buckets(START, START + 31 * 24 * HOUR, TOKYO)
    assert begin.astimezone(TOKYO).strftime("%H:%M") == "00:00"
