"""How many sessions there may be: of an account, of a tenant, in the whole appliance. All workers count together.

The account's limit lies below Gmail's (15 connections an account), whose refusal a mail client takes for a wrong password or an
outage. A place is taken after the password was found right: what a stranger is told must not depend on the account's sessions.
"""

from __future__ import annotations

from dataclasses import dataclass

from cgappliance.net import limits
from cgappliance.net.counts import Counts

ALL = "sessions"


@dataclass(frozen=True, slots=True)
class Place:
    """A session's place, or a login's that will be one; ``give_back`` it once."""

    keys: tuple[str, ...]


class Places:
    """The places as one worker sees them."""

    def __init__(self, counts: Counts, sessions: int) -> None:
        """Allow ``sessions`` in all workers together."""
        self._counts = counts
        self._sessions = sessions

    def full(self) -> bool:
        """Tell whether the appliance has as many sessions as it may: no use to accept a client."""
        return self._counts.total(ALL) >= self._sessions

    def take(self, tenant: str, account: str, *, of_tenant: int, of_account: int) -> Place | str:
        """Return a place, or the limit that is in the way: its name in ``[limits]``."""
        wanted = (
            (f"account {tenant} {account}", of_account, "sessions_per_account"),
            (f"tenant {tenant}", of_tenant, "sessions_per_tenant"),
            (ALL, self._sessions, "sessions"),
        )
        taken: list[str] = []
        for key, most, limit in wanted:
            taken.append(key)
            if self._counts.add(key) > most:
                self.give_back(Place(tuple(taken)))
                limits.reached(limit, tenant=tenant, login=account)
                return limit
        return Place(tuple(taken))

    def give_back(self, place: Place) -> None:
        """Let somebody else have it."""
        for key in place.keys:
            self._counts.remove(key)
