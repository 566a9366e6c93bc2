"""Accounts, profiles and locks of all tenants in this process's memory, so that a login asks no database.

An account takes about half a kilobyte: fifty thousand of them are 25 MB a process. ``changes.py`` says what to read anew: at once
after a change of this process, within a second after one of another. Encrypted credentials are kept too, but only of those who log
in, and never opened.

What is read is what was committed when it was read, and one reading is finished before the next begins: an older state never
replaces a newer one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from gevent.lock import BoundedSemaphore
from sqlalchemy import Connection, select

from cgappliance.model import Profile
from cgappliance.store import accounts, changes, credentials, profiles
from cgappliance.store.accounts import Account
from cgappliance.store.changes import EVERYTHING, Change, ChangeFeed, Kind
from cgappliance.store.credentials import Sealed
from cgappliance.store.engine import Store
from cgappliance.store.schema import lockouts

CREDENTIALS_MAX: Final = 10_000  #: accounts whose ciphertexts are kept: about 5 MB

_NOTHING: Final[Mapping[str, Profile]] = MappingProxyType({})


class PolicyMemory:
    """One process's memory. ``start`` it before the first login; asking it does not block, except for ``credentials``."""

    def __init__(self, store: Store, poll_s: float = changes.POLL_S) -> None:
        self._store = store
        self._poll_s = poll_s
        self._feed: ChangeFeed | None = None
        self._reading = BoundedSemaphore(1)
        self._accounts: dict[str, dict[str, Account]] = {}
        self._profiles: dict[str, dict[str, Profile]] = {}
        self._locks: dict[tuple[str, str], datetime] = {}
        self._credentials: OrderedDict[tuple[str, str], list[Sealed]] = OrderedDict()
        self._generation = 0
        #: called after each change, when the memory has it: live sessions are to be judged anew. None: everything may have changed
        self.listeners: list[Callable[[Sequence[Change] | None], None]] = []

    def start(self) -> None:
        """Read everything, and follow the changes from there. Blocks cooperatively: a second for fifty thousand accounts.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with self._store.snapshot() as connection:
            seen = changes.latest(connection)
            self._read_all(connection)
        self._feed = ChangeFeed(self._store, self._on_change, seen, self._poll_s)
        self._feed.start()

    def stop(self) -> None:
        """Follow no more. Blocks for a look that is under way."""
        if self._feed is not None:
            self._feed.stop()

    @property
    def healthy(self) -> bool:
        """Whether the database answered when it was last asked for changes; that is twice a second."""
        return self._feed is None or self._feed.healthy

    def account(self, tenant: str, address: str) -> Account | None:
        """Return an account, or None."""
        return self._accounts.get(tenant, {}).get(address)

    def accounts(self, tenant: str) -> Iterable[Account]:
        """Return a tenant's accounts."""
        return list(self._accounts.get(tenant, {}).values())

    def profiles(self, tenant: str) -> Mapping[str, Profile]:
        """Return a tenant's profiles, those that administrators made."""
        return self._profiles.get(tenant, _NOTHING)

    def locked_until(self, tenant: str, address: str) -> datetime | None:
        """Return until when an address is or was locked, or None."""
        return self._locks.get((tenant, address))

    def known_credentials(self, tenant: str, address: str) -> Sequence[Sealed]:
        """Return an account's encrypted credentials if they are in memory, as they are after a login used them. Does not block."""
        return self._credentials.get((tenant, address), ())

    def credentials(self, tenant: str, address: str) -> Sequence[Sealed]:
        """Return an account's encrypted credentials; for the first login of an account it blocks for a query.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        key = (tenant, address)
        if key in self._credentials:
            self._credentials.move_to_end(key)
            return self._credentials[key]
        generation = self._generation
        with self._store.read() as connection:
            found = credentials.of_address(connection, tenant, address)
        if generation == self._generation:  # else what was read may be what was just replaced
            self._credentials[key] = found
            if len(self._credentials) > CREDENTIALS_MAX:
                self._credentials.popitem(last=False)
        return found

    def _on_change(self, found: Sequence[Change] | None) -> None:
        self._generation += 1
        self._credentials.clear() if found is None else self._forget_credentials(found)
        with self._reading:
            if found is None or any(change.key == EVERYTHING for change in found):
                with self._store.snapshot() as connection:
                    self._read_all(connection)
            else:
                with self._store.read() as connection:
                    self._read_some(connection, found)
        for listener in self.listeners:
            listener(found)

    def _forget_credentials(self, found: Sequence[Change]) -> None:
        for change in found:
            if change.kind is Kind.CREDENTIAL and change.key == EVERYTHING:
                self._credentials.clear()
            elif change.kind in (Kind.CREDENTIAL, Kind.ACCOUNT):
                self._credentials.pop((change.tenant, change.key), None)

    def _read_all(self, connection: Connection) -> None:
        found: dict[str, dict[str, Account]] = {}
        for account in accounts.everything(connection):
            found.setdefault(account.tenant, {})[account.address] = account
        made: dict[str, dict[str, Profile]] = {}
        for stored in profiles.everything(connection):
            made.setdefault(stored.tenant, {})[stored.name] = stored.profile
        locked = select(lockouts.c.tenant, lockouts.c.address, lockouts.c.locked_until).where(lockouts.c.locked_until.is_not(None))
        locks = {(row.tenant, row.address): row.locked_until for row in connection.execute(locked)}
        self._accounts, self._profiles, self._locks = found, made, locks

    def _read_some(self, connection: Connection, found: Sequence[Change]) -> None:
        for tenant in {change.tenant for change in found}:
            touched = {kind: {change.key for change in found if change.tenant == tenant and change.kind is kind} for kind in Kind}
            self._read_accounts(connection, tenant, touched[Kind.ACCOUNT])
            self._read_locks(connection, tenant, touched[Kind.LOCK])
            if touched[Kind.PROFILE]:
                stored = profiles.of_tenant(connection, tenant)
                self._profiles[tenant] = {entry.name: entry.profile for entry in stored}

    def _read_accounts(self, connection: Connection, tenant: str, addresses: set[str]) -> None:
        fresh = accounts.some(connection, tenant, addresses)
        ours = self._accounts.setdefault(tenant, {})
        for address in addresses:
            if address in fresh:
                ours[address] = fresh[address]
            else:
                ours.pop(address, None)

    def _read_locks(self, connection: Connection, tenant: str, addresses: set[str]) -> None:
        for address in addresses:
            where = (lockouts.c.tenant == tenant, lockouts.c.address == address)
            until = connection.scalar(select(lockouts.c.locked_until).where(*where))
            if until is None:
                self._locks.pop((tenant, address), None)
            else:
                self._locks[tenant, address] = until
