from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cgappliance.model import Outcome, Reason
from cgappliance.store import statistics
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.history import Filter
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.statistics import Count
from tests.store.people import NOW
from tests.store.records import record

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def write(store: Store, *rows: tuple[datetime, Reason, str]) -> None:
    """Put attempts into the history: when they began, what became of them, whose they are."""
    clock = [NOW]
    writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda: clock[0])
    writer.start()
    for at, reason, tenant in rows:
        clock[0] = at + timedelta(milliseconds=record().total_ms)  # a row is written when its attempt is over
        writer.login(record(reason=reason, tenant=tenant))
    writer.stop(5)


OK, WRONG = Reason.ACCEPTED, Reason.WRONG_PASSWORD


def test_attempts_fall_into_their_buckets(store: Store) -> None:
    write(store, (NOW, OK, "acme"), (NOW + HOUR - SECOND, OK, "acme"), (NOW + HOUR, OK, "acme"), (NOW + HOUR, WRONG, "acme"))
    found = statistics.over_time(store, Filter(tenant="acme"), NOW, NOW + 3 * HOUR, HOUR)
    assert sorted(found, key=lambda count: (count.begins_at, count.outcome)) == [
        Count(NOW, Outcome.ACCEPTED, "accepted", 2),
        Count(NOW + HOUR, Outcome.ACCEPTED, "accepted", 1),
        Count(NOW + HOUR, Outcome.REFUSED, "wrong_password", 1),
    ]


def test_what_is_outside_or_of_others_is_not_counted(store: Store) -> None:
    write(store, (NOW - SECOND, OK, "acme"), (NOW, OK, "acme"), (NOW + HOUR, OK, "acme"), (NOW, OK, "globex"))
    found = statistics.over_time(store, Filter(tenant="acme"), NOW, NOW + HOUR, HOUR)
    assert found == [Count(NOW, Outcome.ACCEPTED, "accepted", 1)]


def test_a_plot_with_too_many_buckets_is_refused(store: Store) -> None:
    with pytest.raises(RecordInvalid, match="choose a shorter time"):
        statistics.over_time(store, Filter(), NOW, NOW + 401 * HOUR, HOUR)


def test_the_filters_own_span_cuts_the_first_and_the_last_bucket(store: Store) -> None:
    write(store, *((NOW + minutes * SECOND * 60, OK, "acme") for minutes in range(0, 180, 10)))
    where = Filter(tenant="acme", since=NOW + HOUR / 2, until=NOW + 2.5 * HOUR)
    found = statistics.over_time(store, where, NOW, NOW + 3 * HOUR, HOUR)
    assert [(count.begins_at, count.number) for count in found] == [(NOW, 3), (NOW + HOUR, 6), (NOW + 2 * HOUR, 3)]
