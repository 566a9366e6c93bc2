from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cgappliance.policy.windows import describe, holds, matching_window, parse

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = TOKYO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# 2026-11-23 is a Monday
@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        ("mon-fri 09:00-18:00", "2026-11-23T08:59:59.999999", False),
        ("mon-fri 09:00-18:00", "2026-11-23T09:00", True),
        ("mon-fri 09:00-18:00", "2026-11-23T17:59:59.999999", True),
        ("mon-fri 09:00-18:00", "2026-11-23T18:00", False),
        ("mon-fri 09:00-18:00", "2026-11-27T12:00", True),
        ("mon-fri 09:00-18:00", "2026-11-28T12:00", False),
        ("mon 22:00-06:00", "2026-11-23T21:59", False),
        ("mon 22:00-06:00", "2026-11-23T22:00", True),
        ("mon 22:00-06:00", "2026-11-24T05:59:59", True),  # Tuesday, but the window began on Monday
        ("mon 22:00-06:00", "2026-11-24T06:00", False),
        ("mon 22:00-06:00", "2026-11-23T05:00", False),  # it would have begun on Sunday
        ("sun 22:00-06:00", "2026-11-23T05:00", True),  # over the end of the week
        ("mon 00:00-24:00", "2026-11-23T00:00", True),
        ("mon 00:00-24:00", "2026-11-23T23:59:59.999999", True),
        ("mon 00:00-24:00", "2026-11-24T00:00", False),
        ("mon 12:00-12:00", "2026-11-24T11:59", True),  # a whole day from noon
        ("mon 12:00-12:00", "2026-11-24T12:00", False),
        ("daily 00:00-24:00", "2026-11-29T03:00", True),
    ],
)
def test_a_window_holds_the_moments_from_its_start_up_to_its_end(window: str, moment: str, inside: bool) -> None:
    assert holds(parse(window), at(moment)) is inside


@pytest.mark.parametrize("fold", [0, 1])
def test_the_repeated_hour_of_autumn_is_inside_twice(fold: int) -> None:
    repeated = at("2026-10-25T02:30", BERLIN).replace(fold=fold)
    assert holds(parse("sun 02:00-03:00"), repeated)


def test_the_skipped_hour_of_spring_does_not_happen_and_the_wall_goes_on() -> None:
    one_minute_before = at("2026-03-29T00:59", ZoneInfo("UTC")).astimezone(BERLIN)
    one_minute_later = at("2026-03-29T01:00", ZoneInfo("UTC")).astimezone(BERLIN)
    assert (one_minute_before.hour, one_minute_later.hour) == (1, 3)
    window = parse("sun 02:00-03:00")
    assert not holds(window, one_minute_before)
    assert not holds(window, one_minute_later)


def test_the_end_is_by_the_wall_on_a_day_that_is_an_hour_longer() -> None:
    window = parse("sun 00:00-18:00")
    assert holds(window, at("2026-10-25T16:59", ZoneInfo("UTC")).astimezone(BERLIN))
    assert not holds(window, at("2026-10-25T17:00", ZoneInfo("UTC")).astimezone(BERLIN))


def test_the_first_window_that_holds_the_moment_is_found() -> None:
    windows = [parse("sat 09:00-12:00"), parse("mon-fri 09:00-18:00"), parse("daily 00:00-24:00")]
    assert matching_window(windows, at("2026-11-23T10:00")) is windows[1]
    assert matching_window(windows[:1], at("2026-11-23T10:00")) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mon-fri 09:00-18:00", "mon-fri 09:00-18:00"),
        (" Sat,SUN  22:00 - 06:00 ", "sat-sun 22:00-06:00"),
        ("daily 00:00-00:00", "daily 00:00-24:00"),
        ("mon 22:00-00:00", "mon 22:00-24:00"),
        ("sat-mon 10:00-11:30", "mon,sat-sun 10:00-11:30"),
        ("mon,wed,fri 09:00-10:00", "mon,wed,fri 09:00-10:00"),
        ("mon-sun 09:00-10:00", "daily 09:00-10:00"),
    ],
)
def test_what_is_written_is_shown_in_one_form_that_means_the_same(text: str, shown: str) -> None:
    assert describe(parse(text)) == shown
    assert parse(shown) == parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no time window"),
        ("mon-fri", "no time window"),
        ("montag 09:00-18:00", "'montag' is no day of the week"),
        ("mon,,fri 09:00-18:00", "'' is no day of the week"),
        ("mon 9:00-18:00", "'9:00' is no time of day"),
        ("mon 09:00-25:00", "'25:00' is no time of day"),
        ("mon 24:00-09:00", "'24:00' is no time of day"),
        ("mon 09.00-18.00", "'09.00' is no time of day"),
        ("mon ０９:００-18:00", "is no time of day"),
        ("09:00-18:00", "no time window"),
    ],
)
def test_what_is_no_window_is_refused_with_a_remedy(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"{problem}.*\(write"):
        parse(text)
