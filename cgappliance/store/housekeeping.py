"""What has to be thrown away from time to time, so that the database does not grow for ever. Harmless beside logins, and twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cgappliance.policy.lockout import Limits
from cgappliance.store import history, lockout
from cgappliance.store.engine import Store


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many rows were deleted."""

    history: int
    lockouts: int


def tidy(store: Store, keep: Mapping[str, timedelta], now: datetime, limits: Limits) -> Tidied:
    """Delete history older than each tenant keeps it, and lockout counters that no longer count. Blocks cooperatively.

    Args:
        store: where from.
        keep: how long each tenant keeps its history; the history of a tenant that is not named is left alone.
        now: from when to count back.
        limits: by which lockouts are counted.

    Raises:
        StoreUnavailable: the database failed; what was deleted stays so.
    """
    old = sum(history.expire(store, tenant, now - period) for tenant, period in sorted(keep.items()))
    counting = timedelta(seconds=max(limits.window_s, limits.lock_s) + limits.lease_s)
    return Tidied(old, lockout.sweep(store, now - counting))
