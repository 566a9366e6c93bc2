"""Security profiles, as an administrator sees and changes them: those of the tenant file and those of the store, as one list.

Those of the file are read-only; where both have one of the same name, that of the file applies, and the other is shown as hidden.
Saving takes effect on new logins at once, and ends the live sessions that are no longer permitted: ``Ending`` tells which, before
it is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin.desk import Desk
from cgappliance.admin.profile_rules import checked_name
from cgappliance.model import Profile, ProfileRule, Reason, Tenant
from cgappliance.policy.decide import decide
from cgappliance.policy.profile import effective_profile
from cgappliance.policy.rules import ordered_rules
from cgappliance.store import accounts, history, profiles, seats
from cgappliance.store.accounts import Account, ProfileSource
from cgappliance.store.engine import Connection
from cgappliance.store.errors import LimitReached, RecordConflict, RecordMissing
from cgappliance.store.history import Login, State
from cgappliance.store.profiles import PROFILES_MAX, StoredProfile


@dataclass(frozen=True, slots=True)
class Row:
    """A profile in a list."""

    profile: Profile
    accounts: int  #: that have it, those that have it as the default included
    is_default: bool
    hidden: bool  #: True: the tenant file has one of this name, which applies instead
    version: int  #: 0 for those of the tenant file
    changed_at: datetime | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class Ending:
    """A live session that a change would end, and why."""

    session: Login
    reason: Reason


@dataclass(frozen=True, slots=True)
class Applied:
    """What ``apply`` did."""

    changed: Sequence[str]  #: addresses
    left_alone: Sequence[str]  #: addresses whose profile the directory chooses


def listing(desk: Desk, tenant: Tenant) -> list[Row]:
    """Return all profiles of a tenant, by name."""
    with desk.store.read() as connection:
        made = profiles.of_tenant(connection, tenant.id)
        counts = accounts.count_by_profile(connection, tenant.id)
    of_file = [_row_of_file(tenant, profile, counts) for profile in tenant.profiles.values()]
    return sorted([*of_file, *(_row(tenant, stored, counts) for stored in made)], key=lambda row: (row.profile.name, row.hidden))


def show(desk: Desk, tenant: Tenant, name: str) -> Row:
    """Return the profile that applies under a name.

    Raises:
        RecordMissing: there is none.
    """
    for row in listing(desk, tenant):
        if row.profile.name == name and not row.hidden:
            return row
    raise RecordMissing(f"{tenant.id} has no profile {name!r} (list them with 'cgappliance profile list {tenant.id}')")


def create(desk: Desk, tenant: Tenant, name: str, rules: Sequence[ProfileRule]) -> StoredProfile:
    """Make a profile.

    Raises:
        RecordInvalid: the name cannot be one.
        RecordConflict: there is one of this name, in the tenant file or in the store.
        LimitReached: there are too many.
    """
    if checked_name(name) in tenant.profiles:
        raise RecordConflict(f"{tenant.id} has a profile {name!r} in its file already")
    with desk.work() as work, seats.kept(work.connection, tenant):
        if len(profiles.of_tenant(work.connection, tenant.id)) >= PROFILES_MAX:
            raise LimitReached(f"{tenant.id} has {PROFILES_MAX} profiles, which is the limit (delete some)")
        made = profiles.add(work.transaction, tenant.id, profiles.make_profile(name, rules), by=work.actor.name, now=work.now)
        work.log(tenant.id, "profile.create", name, after=seen(made.profile))
        return made


def copy(desk: Desk, tenant: Tenant, source: str, name: str) -> StoredProfile:
    """Make a profile with the rules of another; one of the tenant file becomes one that can be changed.

    Raises:
        RecordMissing: there is no profile ``source``.
        RecordInvalid, RecordConflict, LimitReached: as ``create``.
    """
    return create(desk, tenant, name, ordered_rules(show(desk, tenant, source).profile))


def edit(desk: Desk, tenant: Tenant, name: str, rules: Sequence[ProfileRule], *, version: int | None = None) -> StoredProfile:
    """Give a profile other rules; its live sessions that are no longer permitted end.

    Args:
        desk: who does it.
        tenant: whose profile.
        name: of the profile.
        rules: in order.
        version: of the profile as it was looked at; None: whatever it is.

    Raises:
        RecordMissing: there is none in the store.
        RecordConflict: it stands in the tenant file, or somebody else has changed it since it was looked at.
        LimitReached: more accounts would have mail access than there are seats.
    """
    _refuse_of_file(tenant, name)
    with desk.work() as work, seats.kept(work.connection, tenant):
        before = profiles.get(work.connection, tenant.id, name)
        if version is not None and version != before.version:
            raise RecordConflict(f"{before.changed_by} has changed the profile {name!r} meanwhile (look at it and try again)")
        after = profiles.replace(work.transaction, before, rules, by=work.actor.name, now=work.now)
        work.log(tenant.id, "profile.edit", name, before=seen(before.profile), after=seen(after.profile))
        return after


def delete(desk: Desk, tenant: Tenant, name: str) -> None:
    """Remove a profile that nobody uses.

    Raises:
        RecordMissing: there is none in the store.
        RecordConflict: it stands in the tenant file, accounts have it, or it is the tenant's default.
    """
    _refuse_of_file(tenant, name)
    with desk.work() as work:
        before = profiles.get(work.connection, tenant.id, name)
        used = accounts.count(work.connection, tenant.id, profiles=[name])
        if used:
            raise RecordConflict(f"{used} accounts have the profile {name!r} (give them another with 'cgappliance profile apply')")
        if tenant.default_profile == name:
            raise RecordConflict(f"{name!r} is the default profile of {tenant.id} (change policy.default_profile in its file)")
        profiles.remove(work.transaction, before)
        work.log(tenant.id, "profile.delete", name, before=seen(before.profile))


def apply(desk: Desk, tenant: Tenant, name: str, addresses: Collection[str] | None) -> Applied:
    """Give accounts a profile; "" is the tenant's default. Those whose profile the directory chooses are left alone.

    Args:
        desk: who does it.
        tenant: whose accounts.
        name: of the profile.
        addresses: of the accounts; None: all.

    Raises:
        RecordMissing: there is no such profile, or no account of one of the addresses.
        LimitReached: more accounts would have mail access than there are seats.
    """
    with desk.work() as work, seats.kept(work.connection, tenant):
        desk_accounts.require_profile(work.connection, tenant, name)
        chosen = _chosen(work.connection, tenant, addresses)
        free = [account for account in chosen if account.profile_source is ProfileSource.ADMIN]
        changed = [account for account in free if account.profile != name]
        ids = [account.id for account in changed]
        accounts.set_profile(work.transaction, tenant.id, ids, name, by=work.actor.name, now=work.now)
        for account in changed:
            work.log(tenant.id, "account.profile", account.address, before={"profile": account.profile}, after={"profile": name})
        fixed = [account.address for account in chosen if account.profile_source is ProfileSource.DIRECTORY]
        return Applied([account.address for account in changed], fixed)


def ending_by_edit(desk: Desk, tenant: Tenant, name: str, rules: Sequence[ProfileRule]) -> list[Ending]:
    """Return the live sessions that ``edit`` with these rules would end, now."""
    edited = profiles.make_profile(name, rules)
    return _ending(desk, tenant, lambda current, _account: edited if current is not None and current.name == name else current)


def ending_by_apply(desk: Desk, tenant: Tenant, name: str, addresses: Collection[str] | None) -> list[Ending]:
    """Return the live sessions that ``apply`` would end, now."""
    with desk.store.read() as connection:
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
        chosen = {account.address for account in _chosen(connection, tenant, addresses) if _is_free(account)}
    given = effective_profile(tenant, name, made)
    return _ending(desk, tenant, lambda current, account: given if account is not None and account.address in chosen else current)


def seen(profile: Profile) -> Mapping[str, Any]:
    """Return what the audit log shows of a profile."""
    return {"rules": [profiles.rule_to_json(rule) for rule in ordered_rules(profile)]}


def _ending(desk: Desk, tenant: Tenant, changed: Callable[[Profile | None, Account | None], Profile | None]) -> list[Ending]:
    """Judge all live sessions with the profile that ``changed`` makes of the current one; those that are refused would end."""
    with desk.store.read() as connection:
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
        known = {account.address: account for account in accounts.walk(connection, tenant.id)}
    found: list[Ending] = []
    for session in history.walk(desk.store, history.Filter(tenant=tenant.id, state=State.OPEN)):
        account = known.get(session.account)
        current = effective_profile(tenant, "" if account is None else account.profile, made)
        facts: dict[str, Any] = {"peer_ip": session.remote_ip, "now": desk.now()}
        facts["enabled"] = account is None or account.enabled
        reason = decide(tenant, changed(current, account), session.account, session.protocol, **facts)
        if reason is not Reason.ACCEPTED:
            found.append(Ending(session, reason))
    return found


def _chosen(connection: Connection, tenant: Tenant, addresses: Collection[str] | None) -> list[Account]:
    if addresses is None:
        return list(accounts.walk(connection, tenant.id))
    wanted = {desk_accounts.normalised(address) for address in addresses}
    found = accounts.some(connection, tenant.id, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        raise RecordMissing(f"{tenant.id} has no account {', '.join(missing)}")
    return list(found.values())


def _is_free(account: Account) -> bool:
    return account.profile_source is ProfileSource.ADMIN


def _refuse_of_file(tenant: Tenant, name: str) -> None:
    if name in tenant.profiles:
        raise RecordConflict(f"the profile {name!r} stands in {tenant.source or 'the tenant file'} (change it there, or copy it)")


def _row_of_file(tenant: Tenant, profile: Profile, counts: Mapping[str, int]) -> Row:
    return Row(profile, *_use(tenant, profile.name, counts), hidden=False, version=0, changed_at=None, changed_by="")


def _row(tenant: Tenant, stored: StoredProfile, counts: Mapping[str, int]) -> Row:
    hidden = stored.name in tenant.profiles
    use = (0, False) if hidden else _use(tenant, stored.name, counts)
    return Row(stored.profile, *use, hidden, stored.version, stored.changed_at, stored.changed_by)


def _use(tenant: Tenant, name: str, counts: Mapping[str, int]) -> tuple[int, bool]:
    is_default = tenant.default_profile == name
    return counts.get(name, 0) + (counts.get("", 0) if is_default else 0), is_default
