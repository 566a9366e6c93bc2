"""Local administrators of a tenant's admin site: made, shown and removed here, and their passwords and second factors checked.

Passwords are kept as argon2id hashes. The second factor is a code that changes every half minute (TOTP, RFC 6238); each code works
once. Checking takes the same time for a name that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import gevent
import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cgappliance.admin.desk import Desk
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store import administrators, lockout, web_sessions
from cgappliance.store.administrators import ADMINISTRATORS_MAX, Administrator, Role, lock_key
from cgappliance.store.changes import change
from cgappliance.store.engine import Store
from cgappliance.store.errors import LimitReached, RecordInvalid
from cgappliance.store.vault import Vault
from cgappliance.store.web_sessions import Site

__all__ = ["Administrator", "Role"]

PASSWORD_MIN_CHARS: Final = 12  #: NIST SP 800-63B asks for 8 beside a second factor; nobody here is forced to have one
PASSWORD_MAX_CHARS: Final = 256  #: a pass phrase fits; hashing megabytes would be an attacker's lever
TOTP_STEP_S: Final = 30  #: RFC 6238 5.2
TOTP_DRIFT_STEPS: Final = 1  #: RFC 6238 6: a telephone's clock may be half a minute off, either way
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_HASHER: Final = PasswordHasher()

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new second factor, to be shown once."""

    secret: Secret
    uri: Secret  #: what the QR code holds


def listing(desk: Desk, tenant: Tenant) -> list[Administrator]:
    """Return a tenant's administrators by name."""
    with desk.store.read() as connection:
        return administrators.of_tenant(connection, tenant.id)


def create(desk: Desk, tenant: Tenant, name: str, role: Role, password: Secret) -> Administrator:
    """Add an administrator without a second factor.

    Raises:
        RecordInvalid: the name cannot be one, or the password is too easy.
        RecordConflict: there is one of this name.
        LimitReached: there are too many.
    """
    _check_name(name)
    password_hash = _hashed(_checked(name, password))
    with desk.work() as work:
        if len(administrators.of_tenant(work.connection, tenant.id)) >= ADMINISTRATORS_MAX:
            raise LimitReached(f"{tenant.id} has {ADMINISTRATORS_MAX} administrators, which is the limit (use a directory group)")
        made = administrators.add(
            work.transaction, tenant.id, name, role=role, password_hash=password_hash, by=work.actor.name, now=work.now
        )
        work.log(tenant.id, "administrator.create", name, after={"role": role})
        return made


def set_password(desk: Desk, tenant: Tenant, name: str, password: Secret) -> None:
    """Give an administrator another password; the sessions and wrong passwords of before are forgotten.

    Raises:
        RecordMissing: there is none of this name.
        RecordInvalid: the password is too easy.
    """
    password_hash = _hashed(_checked(name, password))
    with desk.work() as work:
        before = administrators.get(work.connection, tenant.id, name)
        administrators.set_password(work.transaction, before, password_hash, by=work.actor.name, now=work.now)
        lockout.unlock(work.transaction, tenant.id, lock_key(name))
        web_sessions.end_of(work.connection, tenant.id, Site.ADMIN, name)
        work.log(tenant.id, "administrator.password", name)


def set_role(desk: Desk, tenant: Tenant, name: str, role: Role) -> None:
    """Give an administrator another role; his sessions end.

    Raises:
        RecordMissing: there is none of this name.
    """
    with desk.work() as work:
        before = administrators.get(work.connection, tenant.id, name)
        administrators.set_role(work.transaction, before, role, by=work.actor.name, now=work.now)
        web_sessions.end_of(work.connection, tenant.id, Site.ADMIN, name)
        work.log(tenant.id, "administrator.role", name, before={"role": before.role}, after={"role": role})


def enrol(desk: Desk, tenant: Tenant, name: str, vault: Vault) -> Enrolment:
    """Give an administrator a new second factor, in the place of an older one, and return it; it is never shown again.

    Raises:
        RecordMissing: there is none of this name.
        KeyProblem: the key file is unusable.
    """
    secret = pyotp.random_base32()
    with desk.work() as work:
        before = administrators.get(work.connection, tenant.id, name)
        administrators.set_totp(work.transaction, vault, before, Secret(secret), by=work.actor.name, now=work.now)
        work.log(tenant.id, "administrator.totp", name, after={"second_factor": True})
    uri = pyotp.TOTP(secret).provisioning_uri(name=f"{name}@{tenant.id}", issuer_name="cgappliance")
    return Enrolment(Secret(secret), Secret(uri))


def forget_totp(desk: Desk, tenant: Tenant, name: str, vault: Vault) -> None:
    """Take an administrator's second factor away: the telephone was lost.

    Raises:
        RecordMissing: there is none of this name.
    """
    with desk.work() as work:
        before = administrators.get(work.connection, tenant.id, name)
        administrators.set_totp(work.transaction, vault, before, None, by=work.actor.name, now=work.now)
        work.log(tenant.id, "administrator.totp", name, after={"second_factor": False})


def remove(desk: Desk, tenant: Tenant, name: str) -> None:
    """Remove an administrator; the sessions end.

    Raises:
        RecordMissing: there is none of this name.
    """
    with desk.work() as work:
        before = administrators.get(work.connection, tenant.id, name)
        administrators.remove(work.transaction, before)
        web_sessions.end_of(work.connection, tenant.id, Site.ADMIN, name)
        work.log(tenant.id, "administrator.delete", name, before={"role": before.role})


def verify(store: Store, tenant: Tenant, name: str, password: Secret, code: str, *, vault: Vault, now: datetime) -> Role | None:
    """Return the role of an administrator who gave the right password and code, else None. Blocks cooperatively.

    Raises:
        KeyProblem: the second factor cannot be decrypted.
        StoreUnavailable: the database cannot be asked.
    """
    with store.read() as connection:
        found = administrators.find(connection, tenant.id, name)
    right = _matches(_STAND_IN if found is None else found.password_hash, password)
    if found is None or not right:
        return None
    secret = found.open_totp(vault)
    if secret is not None and not _take_code(store, found, secret, code, now):
        return None
    return found.role


def _take_code(store: Store, found: Administrator, secret: Secret, code: str, now: datetime) -> bool:
    totp, step = pyotp.TOTP(secret.reveal()), int(now.timestamp()) // TOTP_STEP_S
    typed = "".join(code.split())
    for candidate in range(step - TOTP_DRIFT_STEPS, step + TOTP_DRIFT_STEPS + 1):
        if pyotp.utils.strings_equal(typed, totp.generate_otp(candidate)):
            with change(store) as transaction:
                return administrators.use_code(transaction, found, candidate)
    return False


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise RecordInvalid(f"name: {name!r} cannot be an administrator's (1 to 64 of a-z, 0-9 and inner . _ -; no mail address)")


def _checked(name: str, password: Secret) -> Secret:
    text = password.reveal()
    if not PASSWORD_MIN_CHARS <= len(text) <= PASSWORD_MAX_CHARS:
        raise RecordInvalid(
            f"password: it has to have {PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters (a sentence is good)"
        )
    if name in text.lower() or len(set(text)) < PASSWORD_MIN_CHARS // 3:
        raise RecordInvalid("password: it is too easy to guess (do without the name, and without repetition)")
    return password


def _hashed(password: Secret) -> str:
    return _in_thread(lambda: _HASHER.hash(password.reveal()))


def _matches(password_hash: str, password: Secret) -> bool:
    if len(password.reveal()) > PASSWORD_MAX_CHARS:
        return False
    try:
        return _in_thread(lambda: _HASHER.verify(password_hash, password.reveal()))
    except (VerificationError, InvalidHashError):
        return False


def _in_thread(work: Callable[[], Made]) -> Made:
    """Run what takes 50 ms of CPU beside the event loop; argon2 lets go of Python's lock meanwhile."""
    made: Any = gevent.get_hub().threadpool.apply(work)
    result: Made = made
    return result


#: Compared with where there is no such name, so that the answer takes as long.
_STAND_IN: Final = _HASHER.hash("nobody's password")
