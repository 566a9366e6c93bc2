"""Weekday and time windows, by the clock on the tenant's wall. Pure: the moment is an argument.

The wall decides on the days when it is changed, too: an hour that is repeated in autumn is inside its window twice, an hour that is
skipped in spring does not happen, and "until 18:00" always ends when the wall says 18:00.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time

from cgappliance.model import TimeWindow

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  #: in the order of ``date.weekday``


def matching_window(windows: Iterable[TimeWindow], local: datetime) -> TimeWindow | None:
    """Return the first window that holds ``local``, the time on the tenant's wall, or None."""
    return next((window for window in windows if holds(window, local)), None)


def holds(window: TimeWindow, local: datetime) -> bool:
    """Tell whether ``local`` is inside the window, or in the part of it that reaches from yesterday over midnight."""
    today, now = local.weekday(), local.time()
    if window.start < window.end:
        return today in window.days and window.start <= now < window.end
    yesterday = (today - 1) % 7
    return (today in window.days and window.start <= now) or (yesterday in window.days and now < window.end)


def describe(window: TimeWindow) -> str:
    """Return the window as an administrator writes it: ``mon-fri 09:00-18:00``."""
    end = "24:00" if window.end == time(0) else _clock(window.end)
    return f"{_days(window.days)} {_clock(window.start)}-{end}"


def parse(text: str) -> TimeWindow:
    """Return the window that ``text`` describes: ``mon-fri 09:00-18:00``, ``sat,sun 22:00-06:00``, ``daily 00:00-24:00``.

    Raises:
        ValueError: it describes none; the message says problem and remedy.
    """
    days, _, hours = text.strip().lower().partition(" ")
    start, dash, end = hours.strip().partition("-")
    if not dash:
        raise ValueError(f"{text!r} is no time window (write days and hours, as in 'mon-fri 09:00-18:00')")
    return TimeWindow(_parse_days(days), _parse_clock(start), _parse_clock(end, may_be_24=True))


def _clock(moment: time) -> str:
    return moment.strftime("%H:%M")


def _days(days: frozenset[int]) -> str:
    if len(days) == 7:
        return "daily"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(DAY_NAMES[run[0]] if len(run) == 1 else f"{DAY_NAMES[run[0]]}-{DAY_NAMES[run[-1]]}" for run in runs)


def _parse_days(text: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = _parse_day(first)
        length = (_parse_day(last) - start) % 7 if dash else 0  # sat-mon goes over the end of the week
        days.update((start + offset) % 7 for offset in range(length + 1))
    return frozenset(days)


def _parse_day(text: str) -> int:
    try:
        return DAY_NAMES.index(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no day of the week (write {', '.join(DAY_NAMES)}, or daily)") from None


def _parse_clock(text: str, *, may_be_24: bool = False) -> time:
    text = text.strip()
    if may_be_24 and text == "24:00":
        return time(0)  # not after any start: the end of that day
    hour, colon, minute = text.partition(":")
    try:
        if not (colon and len(hour) == len(minute) == 2 and hour.isascii() and minute.isascii()):
            raise ValueError
        return time(int(hour), int(minute))
    except ValueError:
        raise ValueError(f"{text!r} is no time of day (write hours and minutes, as in 09:00)") from None
