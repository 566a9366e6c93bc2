"""Google-side secrets of accounts, encrypted, and the two steps in which one replaces another.

Google does not say which password it has, and the process may die between asking Google and hearing the answer. So a new password
is kept as *pending* before Google is asked, and becomes *current* only when Google has certainly taken it; until then both are
kept, and either may be the one that works. ``admin/credentials.py`` walks the steps; this file keeps each of them durable.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from cgappliance.secret import Secret
from cgappliance.store import audit
from cgappliance.store.accounts import Account, get
from cgappliance.store.changes import Kind as ChangeKind
from cgappliance.store.changes import Transaction, change
from cgappliance.store.engine import Store
from cgappliance.store.errors import RecordConflict
from cgappliance.store.schema import accounts, credentials
from cgappliance.store.vault import Place, Vault

REENCRYPT_BATCH: Final = 100  #: secrets a transaction of a key rotation: a few milliseconds


class Kind(enum.StrEnum):
    """What a secret is."""

    MANAGED_PASSWORD = "managed-password"  #: Google's password, made by the appliance
    APP_PASSWORD = "app-password"  #: made by the user at Google


class State(enum.StrEnum):
    """How sure it is that Google has it."""

    CURRENT = "current"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored secret as it lies in the database."""

    account_id: int
    account_uid: str
    tenant: str
    kind: Kind
    state: State
    blob: bytes
    key_id: str
    created_at: datetime
    created_by: str

    def open(self, vault: Vault) -> Secret:
        """Return the secret.

        Raises:
            KeyProblem: the key file does not open it.
        """
        return vault.open(self.blob, Place(self.tenant, self.account_uid, self.kind))


def of_account(connection: Connection, account_id: int, kind: Kind) -> list[Sealed]:
    """Return what may work at Google: the current secret, then the pending one; either may be missing."""
    where = (credentials.c.account_id == account_id, credentials.c.kind == kind)
    return [_sealed(row) for row in connection.execute(_SELECT.where(*where).order_by(credentials.c.state))]


def of_address(connection: Connection, tenant: str, address: str) -> list[Sealed]:
    """Return all secrets of the account of ``address``, of each kind the current one first."""
    where = (accounts.c.tenant == tenant, accounts.c.address == address)
    return [_sealed(row) for row in connection.execute(_SELECT.where(*where).order_by(credentials.c.kind, credentials.c.state))]


def pending(connection: Connection, tenant: str) -> list[Sealed]:
    """Return a tenant's pending secrets, oldest first: what a crash or an outage left undecided."""
    where = (accounts.c.tenant == tenant, credentials.c.state == State.PENDING)
    return [_sealed(row) for row in connection.execute(_SELECT.where(*where).order_by(credentials.c.created_at))]


def holders(connection: Connection, tenant: str, kind: Kind, state: State) -> frozenset[int]:
    """Return the ids of a tenant's accounts that have a secret of this kind and state."""
    where = (accounts.c.tenant == tenant, credentials.c.kind == kind, credentials.c.state == state)
    query = select(credentials.c.account_id).join(accounts, accounts.c.id == credentials.c.account_id).where(*where)
    return frozenset(connection.execute(query).scalars())


def add(
    transaction: Transaction, vault: Vault, account: Account, *, kind: Kind, state: State, secret: Secret, by: str, now: datetime
) -> None:
    """Encrypt and keep a secret.

    Raises:
        RecordConflict: there is one of this kind and state; it may be the one that works, so it is not replaced.
        KeyProblem: the key file is unusable.
    """
    taken = (credentials.c.account_id == account.id, credentials.c.kind == kind, credentials.c.state == state)
    if transaction.execute(select(credentials.c.id).where(*taken)).first() is not None:
        raise RecordConflict(f"{account.address} has a {state} {kind} already")
    sealed = vault.seal(secret, Place(account.tenant, account.uid, kind))
    values = {"account_id": account.id, "kind": kind, "state": state, "secret": sealed.blob, "key_id": sealed.key_id}
    transaction.execute(insert(credentials).values(**values, created_at=now, created_by=by))
    transaction.touch(account.tenant, ChangeKind.CREDENTIAL, account.address)


def remove(transaction: Transaction, account: Account, kind: Kind, state: State) -> bool:
    """Remove a secret, and return whether there was one."""
    where = (credentials.c.account_id == account.id, credentials.c.kind == kind, credentials.c.state == state)
    transaction.touch(account.tenant, ChangeKind.CREDENTIAL, account.address)
    return transaction.execute(delete(credentials).where(*where)).rowcount > 0


def promote(transaction: Transaction, account: Account, kind: Kind) -> bool:
    """Let the pending secret replace the current one, and return whether there was one."""
    is_pending = (credentials.c.account_id == account.id, credentials.c.kind == kind, credentials.c.state == State.PENDING)
    if transaction.execute(select(credentials.c.id).where(*is_pending)).first() is None:
        return False
    remove(transaction, account, kind, State.CURRENT)
    transaction.execute(update(credentials).where(*is_pending).values(state=State.CURRENT))
    return True


def settle(store: Store, tenant: str, address: str, kind: Kind, now: datetime) -> bool:
    """Make the pending secret the current one, because Gmail has just taken it, and return whether there was one. Blocks.

    Raises:
        RecordMissing: there is no such account.
        StoreUnavailable: the database failed; both secrets are kept as they are.
    """
    with change(store) as transaction:
        account = get(transaction.connection, tenant, address)
        if not promote(transaction, account, kind):
            return False
        audit.write(
            transaction.connection,
            at=now,
            tenant=tenant,
            actor="cgappliance",
            origin="login",
            action="credential.settle",
            target=account.address,
            after={"kind": kind},
            reason="Gmail accepted it",
        )
        return True


def count_by_key(connection: Connection) -> dict[str, int]:
    """Return how many secrets each key opens."""
    query = select(credentials.c.key_id, func.count()).group_by(credentials.c.key_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def reencrypt_some(connection: Connection, vault: Vault, after_id: int) -> tuple[int, int]:
    """Encrypt up to REENCRYPT_BATCH further secrets with the newest key, in the transaction of ``connection``.

    A secret that somebody replaces meanwhile is left alone: it has the newest key already.

    Returns:
        How many were encrypted anew, and the id to go on behind; no more ids: it is the same.

    Raises:
        KeyProblem: a secret cannot be opened; those before it are not encrypted anew either.
    """
    where = (credentials.c.key_id != vault.primary, credentials.c.id > after_id)
    query = select(credentials, accounts.c.tenant, accounts.c.uid).join(accounts).where(*where)
    rows = connection.execute(query.order_by(credentials.c.id).limit(REENCRYPT_BATCH)).all()
    for row in rows:
        place = Place(row.tenant, row.uid, row.kind)
        sealed = vault.seal(vault.open(row.secret, place), place)
        unchanged = (credentials.c.id == row.id, credentials.c.secret == row.secret)
        connection.execute(update(credentials).where(*unchanged).values(secret=sealed.blob, key_id=sealed.key_id))
    return len(rows), rows[-1].id if rows else after_id


_SELECT: Final = select(credentials, accounts.c.tenant, accounts.c.uid).join(accounts, accounts.c.id == credentials.c.account_id)


def _sealed(row: Row[Any]) -> Sealed:
    return Sealed(
        row.account_id,
        row.uid,
        row.tenant,
        Kind(row.kind),
        State(row.state),
        row.secret,
        row.key_id,
        row.created_at,
        row.created_by,
    )
