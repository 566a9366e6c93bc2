"""Accounts, as an administrator sees and changes them. Each function is one thing that he can do; each change is in the audit log.

Addresses come as people write them. What several addresses are given to happens to all of them or to none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cgappliance.admin.desk import Desk, Work
from cgappliance.model import MailProtocol, Profile, Tenant
from cgappliance.policy.profile import effective_profile
from cgappliance.proto import sasl
from cgappliance.store import accounts, credentials, lockout, profiles, seats
from cgappliance.store.accounts import Account, DisabledBy, Filter, LastLogin, NewAccount
from cgappliance.store.audit import Values
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Connection
from cgappliance.store.errors import RecordConflict, RecordInvalid, RecordMissing

#: What the audit log shows of an account.
_SHOWN: Final = ("address", "identity", "profile", "profile_source", "enabled", "disabled_by", "google_id", "google_state")


@dataclass(frozen=True, slots=True)
class Row:
    """An account in a list."""

    account: Account
    profile: str  #: the one that applies; "" none
    locked_until: datetime | None  #: in the future, or None


@dataclass(frozen=True, slots=True)
class Secret:
    """That there is a Google credential, and nothing more."""

    kind: Kind
    state: State
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Details:
    """Everything that is known of one account."""

    row: Row
    last_logins: Sequence[LastLogin]
    credentials: Sequence[Secret]


def show(desk: Desk, tenant: Tenant, address: str) -> Details:
    """Return what is known of an account.

    Raises:
        RecordMissing: there is none of this address.
    """
    with desk.store.read() as connection:
        account = accounts.get(connection, tenant.id, address)
        (row,) = _rows(connection, desk, tenant, [account])
        kept = credentials.of_address(connection, tenant.id, account.address)
        secrets = [Secret(sealed.kind, sealed.state, sealed.created_at, sealed.created_by) for sealed in kept]
        return Details(row, accounts.last_logins(connection, [account.id])[account.id], secrets)


def listing(desk: Desk, tenant: Tenant, where: Filter | None = None, *, limit: int = 100, after: str = "") -> list[Row]:
    """Return up to ``limit`` accounts behind the address ``after``, by address."""
    with desk.store.read() as connection:
        found = accounts.page(connection, tenant.id, where or Filter(), limit=limit, after=after)
        return _rows(connection, desk, tenant, found)


def count_seats(desk: Desk, tenant: Tenant) -> seats.Seats:
    """Return how many seats are taken, and how many the contract has."""
    with desk.store.read() as connection:
        return seats.count(connection, tenant)


def create(desk: Desk, tenant: Tenant, address: str, *, profile: str = "", identity: str = "", enabled: bool = True) -> Account:
    """Add an account.

    Raises:
        RecordInvalid: the address is none of the tenant's domains.
        RecordMissing: there is no such profile.
        RecordConflict: there is an account of this address.
        LimitReached: no seat is left.
    """
    with desk.work() as work, seats.kept(work.connection, tenant):
        return add(work, tenant, address, profile=profile, identity=identity, enabled=enabled)


def set_enabled(desk: Desk, tenant: Tenant, addresses: Sequence[str], *, enabled: bool, reason: str = "") -> list[Account]:
    """Switch accounts on or off. Off, they cannot log in, and their live sessions end.

    Raises:
        RecordMissing: there is no account of one of the addresses.
        LimitReached: the seats do not suffice.
    """
    with desk.work() as work, seats.kept(work.connection, tenant):
        return [switch(work, tenant, address, enabled=enabled, reason=reason) for address in addresses]


def unlock(desk: Desk, tenant: Tenant, addresses: Sequence[str]) -> list[str]:
    """Forget the wrong passwords that count against addresses, and return those of which there were any.

    The directory may see as many wrong passwords of them again as the lockout limits allow. An address need not be an account.
    """
    with desk.work() as work:
        return [address for address in map(normalised, addresses) if _unlock(work, tenant, address)]


def rename(desk: Desk, tenant: Tenant, old: str, new: str) -> Account:
    """Give an account another address (manual 3.5): credentials, profile and counters stay with it, its history under the old.

    Google wants its random password set anew after a change of address: the account says ``reset_due`` when it has one.

    Raises:
        RecordMissing: there is no account of the old address.
        RecordInvalid: the new address is none of the tenant's domains.
        RecordConflict: there is an account of the new address.
    """
    with desk.work() as work:
        return move(work, tenant, accounts.get(work.connection, tenant.id, old), new)


def delete(desk: Desk, tenant: Tenant, address: str, *, with_managed_password: bool = False, reason: str = "") -> None:
    """Remove an account. Nothing is deleted at the directory or at Google.

    Raises:
        RecordMissing: there is none of this address.
        RecordConflict: its Google password is known to nobody but the appliance, and ``with_managed_password`` is not set.
    """
    with desk.work() as work:
        remove(work, tenant, address, with_managed_password=with_managed_password, reason=reason)


def normalised(address: str) -> str:
    """Return an address as it is kept."""
    return address.strip().lower()


def checked(tenant: Tenant, address: str) -> str:
    """Return an address as it is kept, if somebody could log in with it.

    Raises:
        RecordInvalid: it is no address, or of a domain that is not the tenant's.
    """
    login = sasl.credentials(address.strip().encode(), b"-", "", MailProtocol.IMAP)
    if login.defect is not None:
        raise RecordInvalid(f"address: {address.strip()!r} is no mail address that Google has (write name@domain, in ASCII)")
    if login.domain not in tenant.domains:
        raise RecordInvalid(
            f"address: {login.domain!r} is not a domain of {tenant.id} (it has {', '.join(sorted(tenant.domains))})"
        )
    return login.address


# ---- steps that several functions of this room are made of


def add(work: Work, tenant: Tenant, address: str, *, profile: str = "", identity: str = "", enabled: bool = True) -> Account:
    """Add an account in a transaction. Raises: as ``create``, but for the seats."""
    require_profile(work.connection, tenant, profile)
    disabled_by = DisabledBy.NOBODY if enabled else DisabledBy.ADMIN
    new = NewAccount(
        tenant.id, checked(tenant, address), identity=identity, profile=profile, enabled=enabled, disabled_by=disabled_by
    )
    account = accounts.add(work.transaction, new, by=work.actor.name, now=work.now)
    work.log(tenant.id, "account.create", account.address, after=seen(account))
    return account


def alter(work: Work, account: Account, action: str, reason: str = "", **values: Any) -> Account:
    """Change columns of an account in a transaction, and log what is different; nothing at all when nothing is."""
    if all(getattr(account, name) == value for name, value in values.items()):
        return account
    changed = accounts.change(work.transaction, account, by=work.actor.name, now=work.now, **values)
    before, after = difference(seen(account), seen(changed))
    work.log(account.tenant, action, account.address, before=before, after=after, reason=reason)
    return changed


def switch(work: Work, tenant: Tenant, address: str, *, enabled: bool, reason: str = "") -> Account:
    """Switch an account on or off in a transaction. Raises: as ``set_enabled``, but for the seats."""
    account = accounts.get(work.connection, tenant.id, address)
    values = {"enabled": enabled, "disabled_by": DisabledBy.NOBODY if enabled else DisabledBy.ADMIN}
    return alter(work, account, "account.enable" if enabled else "account.disable", reason, **values)


def move(work: Work, tenant: Tenant, account: Account, new: str) -> Account:
    """Change an account's address in a transaction. Raises: as ``rename``."""
    kept = credentials.of_account(work.connection, account.id, Kind.MANAGED_PASSWORD)
    lockout.unlock(work.transaction, tenant.id, account.address)  # what is remembered of passwords is of the old address
    return alter(work, account, "account.rename", address=checked(tenant, new), reset_due=account.reset_due or bool(kept))


def remove(work: Work, tenant: Tenant, address: str, *, with_managed_password: bool = False, reason: str = "") -> Account:
    """Remove an account in a transaction. Raises: as ``delete``."""
    account = accounts.get(work.connection, tenant.id, address)
    if credentials.of_account(work.connection, account.id, Kind.MANAGED_PASSWORD) and not with_managed_password:
        raise RecordConflict(
            f"{account.address}: its Google password is known to the appliance only, and would be lost "
            "(reveal it first, or confirm with --with-managed-password)"
        )
    accounts.remove(work.transaction, account)
    lockout.unlock(work.transaction, tenant.id, account.address)
    work.log(tenant.id, "account.delete", account.address, before=seen(account), reason=reason)
    return account


def require_profile(connection: Connection, tenant: Tenant, name: str) -> None:
    """Return when ``name`` is "" or a profile of the tenant.

    Raises:
        RecordMissing: it is not.
    """
    if name and name not in tenant.profiles and profiles.find(connection, tenant.id, name) is None:
        known = sorted({*tenant.profiles, *(stored.name for stored in profiles.of_tenant(connection, tenant.id))})
        raise RecordMissing(f"profile: {tenant.id} has no profile {name!r} (it has {', '.join(known) or 'none'})")


def seen(account: Account) -> Values:
    """Return what the audit log shows of an account."""
    return {name: getattr(account, name) for name in _SHOWN}


def difference(before: Values, after: Values) -> tuple[Values, Values]:
    """Return of both only what is different."""
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _unlock(work: Work, tenant: Tenant, address: str) -> bool:
    if not lockout.unlock(work.transaction, tenant.id, address):
        return False
    work.log(tenant.id, "account.unlock", address)
    return True


def _rows(connection: Connection, desk: Desk, tenant: Tenant, found: Sequence[Account]) -> list[Row]:
    made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
    locks = lockout.locked_until(connection, tenant.id, [account.address for account in found])
    now = desk.now()
    return [_row(account, effective_profile(tenant, account.profile, made), locks.get(account.address), now) for account in found]


def _row(account: Account, profile: Profile | None, locked_until: datetime | None, now: datetime) -> Row:
    still = locked_until if locked_until is not None and locked_until > now else None
    return Row(account, "" if profile is None else profile.name, still)
