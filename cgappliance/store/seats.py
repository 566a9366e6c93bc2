"""Seats: how many accounts with mail access the contract has, and how many there are.

An account takes a seat while it is enabled and its profile allows some protocol. More than the contract has may exist when the
contract shrinks; then nothing that takes a further seat works until enough were given back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from cgappliance.model import Profile, Tenant
from cgappliance.policy.profile import effective_profile
from cgappliance.store import accounts, profiles
from cgappliance.store.engine import Connection
from cgappliance.store.errors import LimitReached


@dataclass(frozen=True, slots=True)
class Seats:
    """A tenant's seats."""

    used: int
    contracted: int | None  #: None: no limit


def count(connection: Connection, tenant: Tenant) -> Seats:
    """Return how many seats are taken."""
    made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
    granting = [name for name in {"", *tenant.profiles, *made} if _grants(effective_profile(tenant, name, made))]
    return Seats(accounts.count(connection, tenant.id, profiles=granting, enabled=True), tenant.seats)


@contextlib.contextmanager
def kept(connection: Connection, tenant: Tenant) -> Iterator[None]:
    """Surround a change: it may not take a seat that the contract does not have.

    Raises:
        LimitReached: it did; the transaction must not be committed.
    """
    before = count(connection, tenant).used
    yield
    after = count(connection, tenant)
    if after.contracted is not None and after.used > max(before, after.contracted):
        raise LimitReached(
            f"{tenant.id}: {after.used} accounts would have mail access, and the contract has {after.contracted} seats "
            f"(disable accounts, or raise seats in {tenant.source or 'the tenant file'})"
        )


def _grants(profile: Profile | None) -> bool:
    return profile is not None and bool(profile.mail_access)
