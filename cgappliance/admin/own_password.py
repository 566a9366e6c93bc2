"""What a user does for himself: log in to his pages, see the rules for passwords, change his own.

The old password is checked by the same guard as a mail login (``store/login_guard.py``): wrong ones count against the same limits,
and the directory never sees more of them than promised. Nothing here reaches Google: its passwords are other ones.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import gevent

from cgappliance import greenlets, log
from cgappliance.admin.desk import Desk
from cgappliance.errors import CgapplianceError, LoginFailed
from cgappliance.model import AuthAnswer, Credentials, IPAddress, MailProtocol, Reason, Tenant
from cgappliance.password_change import PasswordChanger, PasswordFault, PasswordNotChanged, PasswordRules
from cgappliance.plugin_api import AuthBackend, TenantContext
from cgappliance.plugins import BROKEN, Kinds
from cgappliance.proto import sasl
from cgappliance.secret import Secret
from cgappliance.store import accounts, lockout
from cgappliance.store.engine import Store
from cgappliance.store.login_guard import LoginGuard

_log = log.get()

MECHANISM: Final = "WEB"  #: how these credentials came, beside the mail protocols' names
VERSION: Final = "user "  #: the admin site's refusals (no member of its group) are none here

PASSWORD_MAX: Final = 256  #: characters: as many as Active Directory takes; mail clients and protocols have room for them

#: Refused logins that a new password would mend: whoever is told so has typed the right one.
TO_CHANGE: Final = frozenset({Reason.PASSWORD_MUST_CHANGE, Reason.PASSWORD_EXPIRED})

Answer = TypeVar("Answer")


class NotYou(CgapplianceError):
    """Nobody enters; ``reason`` is for the log. What the page says depends on ``reason.outcome``, and on TO_CHANGE."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.sentence}: {detail}" if detail else reason.sentence)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Door:
    fingerprint: str
    backend: AuthBackend


class OwnPasswords:
    """The users' door of all tenants of a process. Directory backends are made at the first login that needs them."""

    def __init__(self, store: Store, kinds: Kinds, guard: LoginGuard, *, timeout_s: float) -> None:
        """Make the door.

        Args:
            store: of the accounts.
            kinds: makes directory backends and what changes passwords.
            guard: counts wrong passwords, together with all other processes.
            timeout_s: for the directory's answer.
        """
        self._store = store
        self._kinds = kinds
        self._guard = guard
        self._timeout_s = timeout_s
        self._doors: dict[str, _Door] = {}

    def log_in(self, tenant: Tenant, address: str, password: Secret, peer_ip: IPAddress) -> str:
        """Return the address of whoever it is, as it is kept. Blocks for the directory, and longer for a network that guesses.

        Raises:
            NotYou: he may not enter, or not before he has changed his password, or nobody can tell now.
        """
        login = self._checked(tenant, address, password)
        answer = self._ask(tenant, login, peer_ip)
        if not answer.accepted:
            raise NotYou(answer.reason, answer.detail)
        return login.address

    def can_change(self, tenant: Tenant) -> bool:
        """Tell whether the tenant's kind of directory can change passwords."""
        return self._kinds.backends[tenant.auth.name].passwords is not None

    def change(self, desk: Desk, tenant: Tenant, address: str, *, old: Secret, new: Secret, peer_ip: IPAddress) -> str:
        """Change somebody's password, and return his address as it is kept. Blocks for the directory.

        What is remembered of the old password becomes void in all processes, and wrong ones that were counted are forgotten.

        Raises:
            NotYou: ``old`` is not his password, or nobody can tell now.
            PasswordNotChanged: the new one is refused, or it is not certain that it counts.
        """
        login = self._checked(tenant, address, old)
        ensure_usable(old, new)
        answer = self._ask(tenant, login, peer_ip)
        if not answer.accepted and answer.reason not in TO_CHANGE:
            raise NotYou(answer.reason, answer.detail)
        try:
            self._with_changer(tenant, lambda changer: changer.change(login.address, old, new, self._timeout_s))
        except PasswordNotChanged as failure:
            if failure.fault is PasswordFault.UNCERTAIN:  # either may be right now: nobody must be refused from memory
                self._forget(desk, tenant, login.address, "account.password_uncertain")
            raise
        self._forget(desk, tenant, login.address, "account.password_changed")
        return login.address

    def rules(self, tenant: Tenant, address: str) -> PasswordRules:
        """Return the rules for somebody's next password; of an outage there are none. Blocks for the directory."""
        try:
            return self._with_changer(tenant, lambda changer: changer.rules(address, self._timeout_s))
        except PasswordNotChanged as failure:
            _log.info("web.no_rules", tenant=tenant.id, login=address, detail=str(failure))
            return PasswordRules()

    def forget(self, tenants: Mapping[str, Tenant]) -> None:
        """Close what was made for tenants that are no more, or are other ones now. Does not block."""
        for name, door in list(self._doors.items()):
            current = tenants.get(name)
            if current is None or current.fingerprint != door.fingerprint:
                del self._doors[name]
                greenlets.spawn("web/retire", door.backend.stop)

    def _checked(self, tenant: Tenant, address: str, password: Secret) -> Credentials:
        """Return what was typed if the directory may be asked: policy comes first, as for mail.

        Raises:
            NotYou: it may not.
        """
        login = sasl.credentials(address.strip().encode(), password.reveal().encode(), MECHANISM, MailProtocol.IMAP)
        if login.defect is not None:
            raise NotYou(login.defect)
        if login.domain not in tenant.domains:
            raise NotYou(Reason.UNKNOWN_DOMAIN)
        with self._store.read() as connection:
            account = accounts.find(connection, tenant.id, login.address)
        if account is not None and not account.enabled:
            raise NotYou(Reason.DISABLED)
        return login

    def _ask(self, tenant: Tenant, login: Credentials, peer_ip: IPAddress) -> AuthAnswer:
        backend = self._backend(tenant)
        version = f"{VERSION}{tenant.fingerprint}"
        return self._guard.authenticate(
            tenant.id,
            login,
            peer_ip,
            lambda: _fenced(tenant, backend, login, self._timeout_s),
            self._timeout_s,
            version=version,
            fresh=True,
        )

    def _backend(self, tenant: Tenant) -> AuthBackend:
        door = self._doors.get(tenant.id)
        if door is None or door.fingerprint != tenant.fingerprint:
            if door is not None:
                greenlets.spawn("web/retire", door.backend.stop)
            backend = self._kinds.backends[tenant.auth.name].make(_context(tenant))
            backend.start()
            door = self._doors[tenant.id] = _Door(tenant.fingerprint, backend)
        return door.backend

    def _with_changer(self, tenant: Tenant, ask: Callable[[PasswordChanger], Answer]) -> Answer:
        """Ask the tenant's directory about passwords; whatever a plugin does, it becomes an answer."""
        make = self._kinds.backends[tenant.auth.name].passwords
        if make is None:
            raise PasswordNotChanged(PasswordFault.NOT_ALLOWED, f"the backend {tenant.auth.name} cannot change passwords")
        try:
            changer = make(_context(tenant))
        except BROKEN as error:
            raise PasswordNotChanged(PasswordFault.UNAVAILABLE, _plugin_failed(tenant, error)) from error
        try:
            with gevent.Timeout(self._timeout_s):
                return ask(changer)
        except gevent.Timeout:
            raise PasswordNotChanged(PasswordFault.UNCERTAIN, f"no answer within {self._timeout_s:g} s") from None
        except PasswordNotChanged:
            raise
        except BROKEN as error:
            raise PasswordNotChanged(PasswordFault.UNCERTAIN, _plugin_failed(tenant, error)) from error
        finally:
            changer.close()

    @staticmethod
    def _forget(desk: Desk, tenant: Tenant, address: str, action: str) -> None:
        with desk.work() as work:
            lockout.unlock(work.transaction, tenant.id, address)
            work.log(tenant.id, action, address)


def ensure_usable(old: Secret, new: Secret) -> None:
    """Refuse a new password that no mail login could be made with, or that is the old one.

    Raises:
        PasswordNotChanged: TOO_SHORT: it is empty; RULES: too long, or with control characters; USED_BEFORE: the same one.
    """
    text = new.reveal()
    if len(text) > PASSWORD_MAX:
        raise PasswordNotChanged(PasswordFault.RULES, f"it is longer than {PASSWORD_MAX} characters")
    if not text:
        raise PasswordNotChanged(PasswordFault.TOO_SHORT, "it is empty")
    if new == old:
        raise PasswordNotChanged(PasswordFault.USED_BEFORE, "it is the present one")
    login = sasl.credentials(b"anybody@example.com", text.encode(), MECHANISM, MailProtocol.IMAP)
    if login.defect is not None:
        raise PasswordNotChanged(PasswordFault.RULES, login.defect.sentence)


def _context(tenant: Tenant) -> TenantContext:
    return TenantContext(tenant.id, tenant.domains, tenant.auth.settings)


def _plugin_failed(tenant: Tenant, error: BaseException, login: str = "") -> str:
    """Log that a plugin broke its contract, and return where: its words might hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else type(error).__name__
    _log.error("plugin.failed", tenant=tenant.id, table="auth", login=login, detail=where)
    return where


def _fenced(tenant: Tenant, backend: AuthBackend, login: Credentials, timeout_s: float) -> AuthAnswer:
    """Ask a backend; whatever a plugin does, it becomes an answer."""
    try:
        with gevent.Timeout(timeout_s):
            answer = backend.authenticate(login, timeout_s)
        if not isinstance(answer, AuthAnswer):
            raise TypeError("not an AuthAnswer")
    except gevent.Timeout:
        return AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no answer within {timeout_s:g} s")
    except LoginFailed as failure:
        return AuthAnswer(failure.reason, failure.detail)
    except BROKEN as error:
        return AuthAnswer(Reason.BACKEND_FAILED, _plugin_failed(tenant, error, login.login))
    return answer
