"""Accounts: who may use the appliance, one per mail address of a tenant.

Functions that change take a ``changes.Transaction`` and note the address, so that every process reads it anew. What an
administrator may do, and the audit log, stand in ``admin/accounts.py``; this file knows how an account is kept.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, exc, func, insert, select, update

from cgappliance.model import IPAddress, MailProtocol
from cgappliance.store.changes import Kind, Transaction
from cgappliance.store.errors import RecordConflict, RecordMissing
from cgappliance.store.schema import account_logins, accounts, credentials, lockouts

PAGE_MAX: Final = 1000  #: accounts a page
ADDRESSES_MAX: Final = 500  #: addresses a query: SQLite takes 32,766 parameters, and plans get slow long before


class ProfileSource(enum.StrEnum):
    """Who chose an account's profile."""

    ADMIN = "admin"
    DIRECTORY = "directory"  #: a group or an attribute; an administrator cannot change it here


class DisabledBy(enum.StrEnum):
    """Who switched an account off; the sync switches on again only what it switched off."""

    NOBODY = ""
    ADMIN = "admin"
    SYNC = "sync"


class GoogleState(enum.StrEnum):
    """What Google said last of the user."""

    UNKNOWN = "unknown"
    PRESENT = "present"
    MISSING = "missing"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    id: int
    uid: str
    tenant: str
    address: str
    identity: str
    profile: str  #: "": the tenant's default
    profile_source: ProfileSource
    enabled: bool
    disabled_by: DisabledBy
    google_id: str
    google_state: GoogleState
    reset_due: bool  #: the address has changed since Google's password was set (manual 3.5)
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with."""

    tenant: str
    address: str
    identity: str = ""
    profile: str = ""
    profile_source: ProfileSource = ProfileSource.ADMIN
    enabled: bool = True
    disabled_by: DisabledBy = DisabledBy.NOBODY
    google_id: str = ""
    google_state: GoogleState = GoogleState.UNKNOWN


@dataclass(frozen=True, slots=True)
class LastLogin:
    """The last success and failure of an account over one protocol."""

    protocol: MailProtocol
    success_at: datetime | None
    success_ip: IPAddress | None
    failure_at: datetime | None
    failure_ip: IPAddress | None
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts of a tenant; what is None or empty does not restrict."""

    search: str = ""  #: a part of the address
    profile: str | None = None
    enabled: bool | None = None
    locked_at: datetime | None = None  #: locked at this moment
    has_credential: bool | None = None  #: a Google-side secret is stored for it
    logged_in: bool | None = None  #: it ever logged in

    def conditions(self, tenant: str) -> list[ColumnElement[bool]]:
        """Return the filter in SQL."""
        found: list[ColumnElement[bool]] = [accounts.c.tenant == tenant]
        if self.search:
            found.append(accounts.c.address.contains(self.search.strip().lower(), autoescape=True))
        if self.profile is not None:
            found.append(accounts.c.profile == self.profile)
        if self.enabled is not None:
            found.append(accounts.c.enabled == self.enabled)
        if self.locked_at is not None:
            locked = select(lockouts.c.address).where(lockouts.c.tenant == tenant, lockouts.c.locked_until > self.locked_at)
            found.append(accounts.c.address.in_(locked))
        if self.has_credential is not None:
            has = select(credentials.c.account_id)
            found.append(accounts.c.id.in_(has) if self.has_credential else accounts.c.id.not_in(has))
        if self.logged_in is not None:
            did = select(account_logins.c.account_id).where(account_logins.c.success_at.is_not(None))
            found.append(accounts.c.id.in_(did) if self.logged_in else accounts.c.id.not_in(did))
        return found


def find(connection: Connection, tenant: str, address: str) -> Account | None:
    """Return the account of ``address``, or None."""
    where = (accounts.c.tenant == tenant, accounts.c.address == address.strip().lower())
    row = connection.execute(select(accounts).where(*where)).one_or_none()
    return None if row is None else _account(row)


def get(connection: Connection, tenant: str, address: str) -> Account:
    """Return the account of ``address``.

    Raises:
        RecordMissing: there is none.
    """
    account = find(connection, tenant, address)
    if account is None:
        raise RecordMissing(f"{tenant} has no account {address!r} (list them with 'cgappliance account list {tenant}')")
    return account


def some(connection: Connection, tenant: str, addresses: Collection[str]) -> dict[str, Account]:
    """Return the accounts of ``addresses``, by address; those that do not exist are missing."""
    found: dict[str, Account] = {}
    wanted = sorted(addresses)
    for start in range(0, len(wanted), ADDRESSES_MAX):
        part = wanted[start : start + ADDRESSES_MAX]
        rows = connection.execute(select(accounts).where(accounts.c.tenant == tenant, accounts.c.address.in_(part)))
        found |= {row.address: _account(row) for row in rows}
    return found


def page(connection: Connection, tenant: str, where: Filter, *, limit: int, after: str = "") -> list[Account]:
    """Return up to ``limit`` accounts behind the address ``after``, by address."""
    query = select(accounts).where(*where.conditions(tenant), accounts.c.address > after)
    return [_account(row) for row in connection.execute(query.order_by(accounts.c.address).limit(min(limit, PAGE_MAX)))]


def walk(connection: Connection, tenant: str, where: Filter | None = None) -> Iterator[Account]:
    """Yield all accounts that match, by address; memory holds one page at a time."""
    after = ""
    while found := page(connection, tenant, where or Filter(), limit=PAGE_MAX, after=after):
        yield from found
        after = found[-1].address


def everything(connection: Connection) -> Iterator[Account]:
    """Yield all accounts of all tenants; memory holds one page at a time."""
    after = 0
    while rows := connection.execute(select(accounts).where(accounts.c.id > after).order_by(accounts.c.id).limit(PAGE_MAX)).all():
        yield from map(_account, rows)
        after = rows[-1].id


def last_logins(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[LastLogin]]:
    """Return the last logins of the accounts with these ids, at most ADDRESSES_MAX of them."""
    found: dict[int, list[LastLogin]] = {number: [] for number in ids}
    query = select(account_logins).where(account_logins.c.account_id.in_(list(ids[:ADDRESSES_MAX])))
    for row in connection.execute(query.order_by(account_logins.c.protocol)):
        values = dict(row._mapping)
        found[values.pop("account_id")].append(LastLogin(**{**values, "protocol": MailProtocol(row.protocol)}))
    return found


def count(connection: Connection, tenant: str, *, profiles: Collection[str] | None = None, enabled: bool | None = None) -> int:
    """Return how many accounts a tenant has: with one of ``profiles`` ("" is the default), enabled or not."""
    query = select(func.count()).select_from(accounts).where(accounts.c.tenant == tenant)
    if profiles is not None:
        query = query.where(accounts.c.profile.in_(list(profiles)))
    if enabled is not None:
        query = query.where(accounts.c.enabled == enabled)
    return connection.scalar(query) or 0


def count_by_profile(connection: Connection, tenant: str) -> dict[str, int]:
    """Return how many accounts have each profile; "" is the default."""
    query = select(accounts.c.profile, func.count()).where(accounts.c.tenant == tenant).group_by(accounts.c.profile)
    return {row[0]: row[1] for row in connection.execute(query)}


def add(transaction: Transaction, new: NewAccount, *, by: str, now: datetime) -> Account:
    """Add an account.

    Raises:
        RecordConflict: the tenant has one of this address.
    """
    values = {name: getattr(new, name) for name in NewAccount.__dataclass_fields__}
    stamps = {
        "uid": secrets.token_hex(16),
        "reset_due": False,
        "version": 1,
        "created_at": now,
        "changed_at": now,
        "changed_by": by,
    }
    try:
        with transaction.connection.begin_nested():
            row = transaction.execute(insert(accounts).values(**values, **stamps).returning(accounts)).one()
    except exc.IntegrityError as error:
        raise RecordConflict(f"{new.tenant} has an account {new.address} already") from error
    transaction.touch(new.tenant, Kind.ACCOUNT, new.address)
    return _account(row)


def change(transaction: Transaction, account: Account, *, by: str, now: datetime, **values: Any) -> Account:
    """Change columns of ``account``, as it was read.

    Raises:
        RecordConflict: somebody else has changed it since, or the new address is taken.
    """
    unchanged = (accounts.c.id == account.id, accounts.c.version == account.version)
    stamps = {"version": account.version + 1, "changed_at": now, "changed_by": by}
    statement = update(accounts).where(*unchanged).values(**values, **stamps).returning(accounts)
    try:
        with transaction.connection.begin_nested():
            row = transaction.execute(statement).one_or_none()
    except exc.IntegrityError as error:
        raise RecordConflict(f"{account.tenant} has an account {values.get('address')} already") from error
    if row is None:
        raise RecordConflict(f"somebody else has changed {account.address} meanwhile (look at it and try again)")
    transaction.touch(account.tenant, Kind.ACCOUNT, account.address)
    transaction.touch(account.tenant, Kind.ACCOUNT, row.address)
    return _account(row)


def set_profile(transaction: Transaction, tenant: str, ids: Sequence[int], profile: str, *, by: str, now: datetime) -> None:
    """Give many accounts a profile chosen by an administrator."""
    stamps = {"version": accounts.c.version + 1, "changed_at": now, "changed_by": by}
    for start in range(0, len(ids), ADDRESSES_MAX):
        part = list(ids[start : start + ADDRESSES_MAX])
        statement = update(accounts).where(accounts.c.tenant == tenant, accounts.c.id.in_(part))
        chosen = {"profile": profile, "profile_source": ProfileSource.ADMIN}
        rows = transaction.execute(statement.values(**chosen, **stamps).returning(accounts.c.address))
        for (address,) in rows.all():
            transaction.touch(tenant, Kind.ACCOUNT, address)


def remove(transaction: Transaction, account: Account) -> None:
    """Remove an account with its credentials and last logins; its history stays."""
    transaction.execute(delete(accounts).where(accounts.c.id == account.id))
    transaction.touch(account.tenant, Kind.ACCOUNT, account.address)


def _account(row: Row[Any]) -> Account:
    return Account(
        **{
            **row._mapping,
            "profile_source": ProfileSource(row.profile_source),
            "disabled_by": DisabledBy(row.disabled_by),
            "google_state": GoogleState(row.google_state),
        }
    )
