"""Accounts that nobody made: whoever logs in with the tenant's default profile for the first time becomes one, if a seat is left.

A tenant with a default profile need not list its people; the directory does. But its seats are counted in accounts, so the first
accepted login of an address makes one, before Google is asked for anything.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Final

from cgappliance.model import Reason, Tenant
from cgappliance.store import accounts, audit, seats
from cgappliance.store.accounts import NewAccount
from cgappliance.store.changes import change
from cgappliance.store.engine import Store
from cgappliance.store.errors import LimitReached, RecordConflict

ACTOR: Final = "cgappliance"  #: who makes such accounts, in the audit log
ORIGIN: Final = "first login"


def admit(store: Store, tenant: Tenant, address: str, identity: str, now: datetime) -> Reason:
    """Make an account of an address that the directory has just accepted, and return ACCEPTED, or NO_SEAT. Blocks cooperatively.

    To be called for addresses that ``PolicyMemory`` knows no account of; others cost nothing.

    Raises:
        StoreUnavailable: the database failed; the login is not to be let in.
    """
    # somebody else may have made it a moment ago: another process, for the same person's other device
    with contextlib.suppress(RecordConflict):
        try:
            _make(store, NewAccount(tenant.id, address, identity=identity), tenant, now)
        except LimitReached:
            return Reason.NO_SEAT
    return Reason.ACCEPTED


def _make(store: Store, new: NewAccount, tenant: Tenant, now: datetime) -> None:
    with change(store) as transaction, seats.kept(transaction.connection, tenant):
        account = accounts.add(transaction, new, by=ACTOR, now=now)
        audit.write(
            transaction.connection,
            at=now,
            tenant=tenant.id,
            actor=ACTOR,
            origin=ORIGIN,
            action="account.create",
            target=account.address,
            after={"address": account.address, "identity": account.identity},
        )
