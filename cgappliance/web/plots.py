"""Plots as SVG, computed here and drawn by a template: no script, no picture file, readable in every theme and on paper.

A plot is a stack of columns over time, one for each bucket. This file knows lengths and places, and no query and no colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from cgappliance.model import Outcome
from cgappliance.store.statistics import Count

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT: Final = 40  #: for the numbers of the scale
BOTTOM: Final = 22  #: for the times
TOP: Final = 8
LABEL_WIDTH: Final = 90  #: a time and some room around it

#: What is drawn, from the bottom up; each has its colour in the style sheet, and its name in the legend.
SERIES: Final = ("accepted", "refused", "trouble")


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a column."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One bucket."""

    begins_at: datetime
    numbers: tuple[int, ...]  #: in the order of SERIES
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of a scale."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """All that is drawn."""

    columns: tuple[Column, ...]
    numbers: tuple[Tick, ...]  #: on the left
    times: tuple[Tick, ...]  #: below
    totals: tuple[int, ...]  #: in the order of SERIES
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH
    floor: int = HEIGHT - BOTTOM


#: Widths of buckets that people count in.
BUCKETS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))


def buckets(since: datetime, until: datetime, zone: tzinfo, most: int = 60) -> tuple[datetime, datetime, timedelta]:
    """Return beginning, end and width of at most ``most`` buckets that cover a span; they begin where a clock would have them."""
    width = next((width for width in BUCKETS if (until - since) / width <= most - 1), BUCKETS[-1])
    midnight = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + (since - midnight) // width * width
    return start, start + math.ceil((until - start) / width) * width, width


def stacked(counts: Iterable[Count], since: datetime, until: datetime, bucket: timedelta, zone: tzinfo) -> Plot:
    """Return the plot of counts between two moments; times are those of ``zone``."""
    size = max(1, math.ceil((until - since) / bucket))
    table = [[0] * len(SERIES) for _ in range(size)]
    for count in counts:
        place = (count.begins_at - since) // bucket
        if 0 <= place < size:
            table[place][SERIES.index(_series(count.outcome))] += count.number
    top = scale_top(max(sum(numbers) for numbers in table))
    width = (WIDTH - LEFT) / size
    columns = tuple(
        _column(since + place * bucket, numbers, LEFT + place * width, width, top) for place, numbers in enumerate(table)
    )
    totals = tuple(sum(numbers[number] for numbers in table) for number in range(len(SERIES)))
    return Plot(columns, _number_ticks(top), _time_ticks([column.begins_at for column in columns], bucket, zone), totals)


def scale_top(highest: int) -> int:
    """Return where a scale ends: the next of 1, 2, 5, 10, 20, ... that is not below the highest number."""
    if highest <= 5:
        return 5
    power: int = 10 ** int(math.log10(highest))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= highest)


def _series(outcome: Outcome) -> str:
    if outcome is Outcome.ACCEPTED:
        return "accepted"
    return "refused" if outcome in (Outcome.REFUSED, Outcome.THROTTLED) else "trouble"


def _column(begins_at: datetime, numbers: Sequence[int], x: float, width: float, top: int) -> Column:
    room, floor = HEIGHT - BOTTOM - TOP, float(HEIGHT - BOTTOM)
    gap = min(1.5, width * 0.2)
    bars = []
    for series, number in zip(SERIES, numbers, strict=True):
        height = number / top * room
        floor -= height
        if number:
            bars.append(Bar(series, round(x + gap / 2, 2), round(floor, 2), round(width - gap, 2), round(height, 2)))
    return Column(begins_at, tuple(numbers), tuple(bars))


def _number_ticks(top: int) -> tuple[Tick, ...]:
    room = HEIGHT - BOTTOM - TOP
    return tuple(Tick(round(HEIGHT - BOTTOM - share * room, 2), f"{top * share:g}") for share in (0.0, 0.5, 1.0))


def _time_ticks(moments: Sequence[datetime], bucket: timedelta, zone: tzinfo) -> tuple[Tick, ...]:
    width = (WIDTH - LEFT) / len(moments)
    step = max(1, math.ceil(LABEL_WIDTH / width))
    form = "%H:%M" if bucket * len(moments) <= timedelta(days=2) else "%m-%d"
    ticks = []
    for place in range(0, len(moments), step):
        x = LEFT + place * width
        if x <= WIDTH - LABEL_WIDTH / 2:
            ticks.append(Tick(round(x, 2), moments[place].astimezone(zone).strftime(form)))
    return tuple(ticks)
