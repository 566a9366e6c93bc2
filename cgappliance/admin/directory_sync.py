"""Accounts made to agree with the tenant's directory: read all of it, plan, and act (``sync_plan.py`` has the rules).

A plan is carried out in small transactions, so that logins are recorded in between; one that breaks off leaves what is done, and
the next sync does the rest. What each account was before stands in the audit log.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gevent

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin.desk import Desk, Work
from cgappliance.admin.sync_plan import Action, Plan, Step, World, make_plan
from cgappliance.administration import Directory, DirectoryEntry, DirectoryQuery
from cgappliance.model import Tenant
from cgappliance.policy.profile import effective_profile
from cgappliance.store import accounts, profiles, seats
from cgappliance.store.accounts import Account, NewAccount
from cgappliance.store.errors import RecordConflict, RecordInvalid

BATCH: Final = 50  #: accounts a transaction: a tenth of a second, for which the history's writer waits


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step."""

    step: Step
    problem: str  #: "": it is done


def read(directory: Directory, tenant: Tenant) -> Iterator[Sequence[DirectoryEntry]]:
    """Yield the directory's people page by page, with what chooses their profiles. Blocks cooperatively.

    Raises:
        DirectoryFailed: it cannot be read to the end; what came before must not be used.
    """
    return directory.pages(DirectoryQuery(tuple(tenant.profile_by_group), tenant.profile_attribute))


def plan(desk: Desk, tenant: Tenant, entries: Sequence[DirectoryEntry]) -> Plan:
    """Return what is to be done, and do nothing. Blocks cooperatively.

    Args:
        desk: who asks.
        tenant: whose accounts.
        entries: of the whole directory.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    with desk.store.snapshot() as connection:
        known = list(accounts.walk(connection, tenant.id))
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}

    def grants(name: str) -> bool:
        profile = effective_profile(tenant, name, made)
        return profile is not None and bool(profile.mail_access)

    def check(address: str) -> str:
        try:
            return desk_accounts.checked(tenant, address)
        except RecordInvalid as error:
            raise ValueError(str(error)) from error

    world = World(tenant, known, {*tenant.profiles, *made}, grants, check)
    planned: Plan = gevent.get_hub().threadpool.apply(make_plan, (world, entries))  # of many people it takes seconds
    return planned


def carry_out(desk: Desk, tenant: Tenant, planned: Plan, *, confirmed: bool = False) -> Iterator[Done]:
    """Do what is planned, and yield what became of each step. Blocks cooperatively.

    Args:
        desk: who does it.
        tenant: whose accounts.
        planned: from ``plan``, a moment ago: an account that somebody has changed since is left to the next sync.
        confirmed: switch accounts off although they are suspiciously many.

    Raises:
        RecordConflict: they are, and it is not confirmed; nothing was done.
        LimitReached: somebody else took the last seats meanwhile; the batch was not done.
        StoreUnavailable: the database failed; the batch was not done.
    """
    if planned.mass_disable and not confirmed:
        raise RecordConflict(
            f"{planned.vanished} accounts would be switched off because the directory no longer has them: is its filter right, "
            "and may the appliance's account see everybody? (confirm with --allow-mass-disable)"
        )
    steps = iter(planned.steps)
    while batch := list(itertools.islice(steps, BATCH)):
        with desk.work() as work, seats.kept(work.connection, tenant):
            done = [_do(work, tenant, step) for step in batch]
        yield from done


def _do(work: Work, tenant: Tenant, step: Step) -> Done:
    try:
        if step.account is None:
            _add(work, tenant, step)
        else:
            _alter(work, tenant, step, step.account)
    except RecordConflict as error:
        return Done(step, str(error))
    return Done(step, "")


def _add(work: Work, tenant: Tenant, step: Step) -> None:
    account = accounts.add(work.transaction, NewAccount(tenant.id, step.address, **step.values), by=work.actor.name, now=work.now)
    work.log(tenant.id, "account.create", account.address, after=desk_accounts.seen(account), reason=f"sync: {step.why}")


def _alter(work: Work, tenant: Tenant, step: Step, account: Account) -> None:
    values: dict[str, Any] = dict(step.values)
    address = values.pop("address", None)
    if address is not None:
        account = desk_accounts.move(work, tenant, account, address)
    action = {Action.DISABLE: "account.disable", Action.ENABLE: "account.enable"}.get(step.action, "account.update")
    desk_accounts.alter(work, account, action, f"sync: {step.why}", **values)
