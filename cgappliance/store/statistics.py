"""Counts of the access history, for plots and rankings: how many rows of a span there are, by time, outcome and reason.

Each bucket is counted by itself: an index has its rows side by side, and many small groups are sorted faster than a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select

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
    span = (history.c.at >= bindparam("begins_at"), history.c.at < bindparam("ends_at"))
    others = replace(where, since=None, until=None).conditions()  # of two lower bounds SQLite may give its index the wrong one
    query = select(history.c.outcome, history.c.reason, func.count()).where(*others, *span)
    query = query.group_by(history.c.outcome, history.c.reason)
    found: list[Count] = []
    with store.read() as connection:
        for begins_at, ends_at in _buckets(since, until, bucket):
            limits = {"begins_at": max(begins_at, where.since or begins_at), "ends_at": min(ends_at, where.until or ends_at)}
            rows = connection.execute(query, limits)
            found += [Count(begins_at, Outcome(outcome), reason, number) for outcome, reason, number in rows]
    return found


def _buckets(since: datetime, until: datetime, bucket: timedelta) -> Iterator[tuple[datetime, datetime]]:
    begins_at = since
    while begins_at < until:
        yield begins_at, min(begins_at + bucket, until)
        begins_at += bucket
