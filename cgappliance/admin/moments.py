"""Moments as people write them: a date, a time, or how long ago. Pure; the moment "now" is an argument."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from cgappliance.store.errors import RecordInvalid

_AGO: Final = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse_moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the moment that ``text`` means.

    Args:
        text: ``2026-11-24`` (its midnight), ``2026-11-24 12:00``, either with an offset (``+09:00``), or ``7d``: seven days ago
            (m, h, d, w).
        zone: of a moment without offset.
        now: from when "ago" counts.

    Raises:
        RecordInvalid: it means none.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - int(ago[1]) * _UNITS[ago[2]]
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise RecordInvalid(f"{text!r} is no moment (write 2026-11-24, '2026-11-24 12:00', or 7d for seven days ago)") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
