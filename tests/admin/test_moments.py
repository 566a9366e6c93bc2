from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cgappliance.admin.moments import parse_moment
from cgappliance.store.errors import RecordInvalid

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 23, 15, 0, tzinfo=UTC)),
        ("2026-11-24 12:00", NOW),
        ("2026-11-24T12:00:00", NOW),
        ("2026-11-24 03:00Z", NOW),
        (" 2026-11-24 04:00+01:00 ", NOW),
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
    ],
)
def test_a_moment_is_understood(text: str, moment: datetime) -> None:
    assert parse_moment(text, TOKYO, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "24.11.2026", "2026-13-01", "7y", "-7d", "999999w"])
def test_what_is_no_moment_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(RecordInvalid, match=r"is no moment \(write"):
        parse_moment(text, TOKYO, NOW)
