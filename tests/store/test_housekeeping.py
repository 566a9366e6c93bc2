from __future__ import annotations

from datetime import timedelta

from cgappliance.policy.lockout import Limits
from cgappliance.store import history
from cgappliance.store.engine import Store
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.housekeeping import Tidied, tidy
from cgappliance.store.lockout import SharedLockouts
from tests.store.people import NOW
from tests.store.records import record

LIMITS = Limits(distinct_max=1)


def fill(store: Store) -> None:
    """Logins of two tenants of now and of two days ago, and an account that was locked just now."""
    for days in (0, 2):
        writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda days=days: NOW - timedelta(days=days))
        writer.start()
        for tenant in ("acme", "other"):
            writer.login(record(session=f"{tenant} {days}", tenant=tenant))
        writer.stop(5)
    shared = SharedLockouts(store, LIMITS, NOW.timestamp)
    shared.start()
    shared.reserve("acme", "yuki@acme.example", "wrong")
    shared.stop(5)


def sessions(store: Store) -> set[str]:
    return {row.session for row in history.walk(store, history.Filter())}


def test_each_tenant_keeps_its_history_as_long_as_it_wants(store: Store) -> None:
    fill(store)
    assert tidy(store, {"acme": timedelta(days=1)}, NOW, LIMITS) == Tidied(1, 0)
    assert sessions(store) == {"acme 0", "other 0", "other 2"}


def test_lockouts_are_kept_while_they_count(store: Store) -> None:
    fill(store)
    counts_s = LIMITS.lock_s + LIMITS.lease_s
    assert tidy(store, {}, NOW + timedelta(seconds=counts_s - 1), LIMITS) == Tidied(0, 0)
    assert tidy(store, {}, NOW + timedelta(seconds=counts_s + 1), LIMITS) == Tidied(0, 1)
