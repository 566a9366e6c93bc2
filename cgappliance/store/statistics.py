"""Counts of the access history, for plots and rankings: one pass over the rows of a span, grouped by time, outcome and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, cast, extract, func, select

from cgappliance.model import Outcome
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.history import Filter
from cgappliance.store.schema import history

BUCKETS_MAX: Final = 400  #: of one plot: more are narrower than a pixel


@dataclass(frozen=True, slots=True)
class Count:
    """How many attempts of one kind began in one bucket."""

    begins_at: datetime
    outcome: Outcome
    reason: str
    number: int


def over_time(store: Store, where: Filter, since: datetime, until: datetime, bucket: timedelta) -> list[Count]:
    """Return how many attempts that match began in each bucket between two moments; empty ones are left out. Blocks.

    Buckets are counted from ``since``, so that a day may begin when the tenant's does.

    Raises:
        RecordInvalid: there would be more than BUCKETS_MAX buckets.
        StoreUnavailable: the database cannot be asked.
    """
    if bucket <= timedelta(0) or (until - since) / bucket > BUCKETS_MAX:
        raise RecordInvalid(f"bucket: more than {BUCKETS_MAX} of them (choose a shorter time or wider buckets)")
    number = _bucket(store, since, bucket)
    span = (history.c.at >= since, history.c.at < until)
    query = select(number, history.c.outcome, history.c.reason, func.count()).where(*where.conditions(), *span)
    with store.read() as connection:
        rows = connection.execute(query.group_by(number, history.c.outcome, history.c.reason)).all()
    return [_count(row, since, bucket) for row in rows]


def _bucket(store: Store, since: datetime, bucket: timedelta) -> ColumnElement[int]:
    """Return the number of a row's bucket, in SQL."""
    if store.is_sqlite:  # microseconds in an integer: an integer division
        raw = cast(history.c.at, BigInteger)
        start = int(since.astimezone(UTC).timestamp() * 1_000_000)
        return (raw - start) // int(bucket.total_seconds() * 1_000_000)
    seconds = extract("epoch", history.c.at) - since.timestamp()
    return cast(func.floor(seconds / bucket.total_seconds()), BigInteger)


def _count(row: Any, since: datetime, bucket: timedelta) -> Count:
    return Count(since + row[0] * bucket, Outcome(row[1]), row[2], row[3])
