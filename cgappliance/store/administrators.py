"""Local administrators of a tenant's admin site: name, role, password hash, and the secret of the second factor, encrypted.

Passwords arrive here hashed, and are compared elsewhere (``admin/administrators.py``); this file knows how they are kept.
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exc, func, insert, select, update

from cgappliance.secret import Secret
from cgappliance.store.changes import Kind, Transaction
from cgappliance.store.errors import RecordConflict, RecordMissing
from cgappliance.store.schema import administrators
from cgappliance.store.vault import Place, Vault

ADMINISTRATORS_MAX: Final = 200  #: of a tenant; more belong into a directory group
_FIELD: Final = "totp"


class Role(enum.StrEnum):
    """What somebody may do; each may do all that those behind it may."""

    ADMINISTRATOR = "administrator"
    HELPDESK = "helpdesk"  #: unlocks accounts, resets Google passwords
    AUDITOR = "auditor"  #: reads

    def includes(self, needed: Role) -> bool:
        """Tell whether this role may do what ``needed`` may."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


@dataclass(frozen=True, slots=True)
class Administrator:
    """One local administrator."""

    id: int
    uid: str
    tenant: str
    name: str
    role: Role
    password_hash: str
    totp_secret: bytes | None  #: encrypted; None: no second factor
    key_id: str
    totp_step: int  #: of the last code that was used
    created_at: datetime
    changed_at: datetime
    changed_by: str
    last_login_at: datetime | None

    def open_totp(self, vault: Vault) -> Secret | None:
        """Return the secret of the second factor, or None when there is none.

        Raises:
            KeyProblem: the key file does not open it.
        """
        return None if self.totp_secret is None else vault.open(self.totp_secret, _place(self.tenant, self.uid))


def lock_key(name: str) -> str:
    """Return the name under which wrong passwords of an administrator are counted; no mail address looks like it."""
    return f"administrator:{name}"


def find(connection: Connection, tenant: str, name: str) -> Administrator | None:
    """Return the administrator of a name, or None."""
    where = (administrators.c.tenant == tenant, administrators.c.name == name)
    row = connection.execute(select(administrators).where(*where)).one_or_none()
    return None if row is None else _administrator(row)


def get(connection: Connection, tenant: str, name: str) -> Administrator:
    """Return the administrator of a name.

    Raises:
        RecordMissing: there is none.
    """
    found = find(connection, tenant, name)
    if found is None:
        raise RecordMissing(f"{tenant} has no administrator {name!r} (list them with 'cgappliance admin list {tenant}')")
    return found


def of_tenant(connection: Connection, tenant: str) -> list[Administrator]:
    """Return a tenant's administrators by name."""
    query = select(administrators).where(administrators.c.tenant == tenant).order_by(administrators.c.name)
    return [_administrator(row) for row in connection.execute(query.limit(ADMINISTRATORS_MAX))]


def add(
    transaction: Transaction, tenant: str, name: str, *, role: Role, password_hash: str, by: str, now: datetime
) -> Administrator:
    """Add an administrator without a second factor.

    Raises:
        RecordConflict: there is one of this name.
    """
    values = {"uid": secrets.token_hex(16), "tenant": tenant, "name": name, "role": role, "password_hash": password_hash}
    stamps = {"key_id": "", "totp_step": 0, "created_at": now, "changed_at": now, "changed_by": by}
    try:
        with transaction.connection.begin_nested():
            row = transaction.execute(insert(administrators).values(**values, **stamps).returning(administrators)).one()
    except exc.IntegrityError as error:
        raise RecordConflict(f"{tenant} has an administrator {name!r} already") from error
    return _administrator(row)


def set_password(transaction: Transaction, before: Administrator, password_hash: str, *, by: str, now: datetime) -> None:
    """Give an administrator another password, and forget wrong ones that count against the name."""
    _change(transaction, before, by, now, password_hash=password_hash)


def set_role(transaction: Transaction, before: Administrator, role: Role, *, by: str, now: datetime) -> None:
    """Give an administrator another role."""
    _change(transaction, before, by, now, role=role)


def set_totp(
    transaction: Transaction, vault: Vault, before: Administrator, secret: Secret | None, *, by: str, now: datetime
) -> None:
    """Give an administrator a second factor, encrypted, or take it away.

    Raises:
        KeyProblem: the key file is unusable.
    """
    if secret is None:
        _change(transaction, before, by, now, totp_secret=None, key_id="", totp_step=0)
        return
    sealed = vault.seal(secret, _place(before.tenant, before.uid))
    _change(transaction, before, by, now, totp_secret=sealed.blob, key_id=sealed.key_id, totp_step=0)


def use_code(transaction: Transaction, administrator: Administrator, step: int) -> bool:
    """Note that the code of a half minute was used, and return False when it, or a later one, had been used before."""
    unused = (administrators.c.id == administrator.id, administrators.c.totp_step < step)
    return transaction.execute(update(administrators).where(*unused).values(totp_step=step)).rowcount > 0


def logged_in(transaction: Transaction, tenant: str, name: str, now: datetime) -> None:
    """Note a login."""
    where = (administrators.c.tenant == tenant, administrators.c.name == name)
    transaction.execute(update(administrators).where(*where).values(last_login_at=now))


def remove(transaction: Transaction, before: Administrator) -> None:
    """Remove an administrator."""
    transaction.execute(delete(administrators).where(administrators.c.id == before.id))
    transaction.touch(before.tenant, Kind.LOCK, lock_key(before.name))


def count_by_key(connection: Connection) -> dict[str, int]:
    """Return how many secrets each key opens."""
    query = select(administrators.c.key_id, func.count()).where(administrators.c.totp_secret.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(administrators.c.key_id))}


def reencrypt(connection: Connection, vault: Vault) -> int:
    """Encrypt all secrets with the newest key, in the transaction of ``connection``, and return how many; they are few.

    Raises:
        KeyProblem: a secret cannot be opened; none is encrypted anew.
    """
    old = (administrators.c.totp_secret.is_not(None), administrators.c.key_id != vault.primary)
    rows = connection.execute(select(administrators).where(*old)).all()
    for row in rows:
        place = _place(row.tenant, row.uid)
        sealed = vault.seal(vault.open(row.totp_secret, place), place)
        unchanged = (administrators.c.id == row.id, administrators.c.totp_secret == row.totp_secret)
        connection.execute(update(administrators).where(*unchanged).values(totp_secret=sealed.blob, key_id=sealed.key_id))
    return len(rows)


def _change(transaction: Transaction, before: Administrator, by: str, now: datetime, **values: Any) -> None:
    where = administrators.c.id == before.id
    transaction.execute(update(administrators).where(where).values(**values, changed_at=now, changed_by=by))
    transaction.touch(before.tenant, Kind.LOCK, lock_key(before.name))  # what processes remember of the old password is void


def _place(tenant: str, uid: str) -> Place:
    return Place(tenant, uid, _FIELD)


def _administrator(row: Row[Any]) -> Administrator:
    return Administrator(**{**row._mapping, "role": Role(row.role)})
