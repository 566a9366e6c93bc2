"""Who may enter a tenant's admin site: a local administrator, or a member of one of the directory groups of ``[admin]``.

Both ways pass the same guard as mail logins (``store/login_guard.py``): wrong passwords count against the same limits, networks
that guess are slowed down, and the directory never sees more bad binds than promised. A refusal never says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import gevent

from cgappliance import greenlets, log
from cgappliance.admin import administrators
from cgappliance.errors import CgapplianceError, LoginFailed
from cgappliance.model import AuthAnswer, Credentials, IPAddress, MailProtocol, Reason, Tenant
from cgappliance.plugin_api import AuthBackend, TenantContext
from cgappliance.plugins import BROKEN, Kinds
from cgappliance.proto import sasl
from cgappliance.secret import Secret
from cgappliance.store.administrators import Role, lock_key
from cgappliance.store.engine import Store
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.vault import Vault
from cgappliance.store.web_sessions import Source

_log = log.get()

MECHANISM: Final = "WEB"  #: how these credentials came, beside the mail protocols' names


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into the form."""

    name: str
    password: Secret
    code: str  #: of the second factor; "": none was typed


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody who may enter."""

    subject: str  #: an administrator's name, or a mail address
    source: Source
    role: Role


class Refused(CgapplianceError):
    """Nobody enters; ``reason`` is for the log. What the page says depends on ``reason.outcome`` only."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.sentence}: {detail}" if detail else reason.sentence)
        self.reason = reason
        self.detail = detail


class Entrance:
    """The entrances of all tenants of a process. Directory backends are made at the first login that needs them."""

    def __init__(
        self, store: Store, vault: Vault, kinds: Kinds, guard: LoginGuard, *, timeout_s: float, now: Callable[[], datetime]
    ) -> None:
        """Make the entrance.

        Args:
            store: of the administrators.
            vault: opens their second factors.
            kinds: makes directory backends.
            guard: the admin site's own: it remembers refusals that are none for mail.
            timeout_s: for the directory's answer.
            now: the clock.
        """
        self._store = store
        self._vault = vault
        self._kinds = kinds
        self._guard = guard
        self._timeout_s = timeout_s
        self._now = now
        self._doors: dict[str, _Door] = {}

    def admit(self, tenant: Tenant, typed: Typed, peer_ip: IPAddress) -> Entrant:
        """Return who it is. Blocks for directory or database, and longer for a network that guesses.

        Raises:
            Refused: he may not enter, or nobody can tell now.
        """
        name = typed.name.strip().lower()
        if not typed.password:
            raise Refused(Reason.EMPTY_PASSWORD)
        if "@" in name:
            return self._member(tenant, name, typed, peer_ip)
        return self._local(tenant, name, typed, peer_ip)

    def forget(self, tenants: Mapping[str, Tenant]) -> None:
        """Close what was made for tenants that are no more, or are other ones now. Does not block."""
        for name, door in list(self._doors.items()):
            current = tenants.get(name)
            if current is None or current.fingerprint != door.fingerprint:
                del self._doors[name]
                door.close()

    def _local(self, tenant: Tenant, name: str, typed: Typed, peer_ip: IPAddress) -> Entrant:
        found: list[Role] = []

        def ask() -> AuthAnswer:
            role = administrators.verify(self._store, tenant, name, typed.password, typed.code, vault=self._vault, now=self._now())
            if role is None:
                return AuthAnswer(Reason.WRONG_PASSWORD, "no such administrator, or wrong password or code")
            found.append(role)
            return AuthAnswer(Reason.ACCEPTED)

        # the code is part of what was typed: a wrong one counts like a wrong password, and another one is another try
        both = Secret(f"{typed.password.reveal()}\0{typed.code}")
        self._ask(tenant, Credentials(name, lock_key(name), both, MECHANISM), peer_ip, ask)
        return Entrant(name, Source.LOCAL, found[0])

    def _member(self, tenant: Tenant, address: str, typed: Typed, peer_ip: IPAddress) -> Entrant:
        login = sasl.credentials(address.encode(), typed.password.reveal().encode(), MECHANISM, MailProtocol.IMAP)
        if login.defect is not None:
            raise Refused(login.defect)
        if login.domain not in tenant.domains:
            raise Refused(Reason.UNKNOWN_DOMAIN)
        found: list[Role] = []

        def ask() -> AuthAnswer:
            answer = AuthAnswer(Reason.NOT_IN_GROUP, "no group of [admin] has this member")
            for role, backend in self._door(tenant).backends():
                answer = _fenced(backend, login, self._timeout_s)
                if answer.accepted:
                    found.append(role)
                if answer.reason is not Reason.NOT_IN_GROUP:
                    break
            return answer

        self._ask(tenant, login, peer_ip, ask)
        return Entrant(login.address, Source.DIRECTORY, found[0])

    def _ask(self, tenant: Tenant, login: Credentials, peer_ip: IPAddress, ask: Callable[[], AuthAnswer]) -> None:
        answer = self._guard.authenticate(tenant.id, login, peer_ip, ask, self._timeout_s, fresh=True)
        if not answer.accepted:
            raise Refused(answer.reason, answer.detail)

    def _door(self, tenant: Tenant) -> _Door:
        door = self._doors.get(tenant.id)
        if door is None or door.fingerprint != tenant.fingerprint:
            if door is not None:
                door.close()
            door = self._doors[tenant.id] = _Door(tenant, self._kinds)
        return door


class _Door:
    """One tenant's backends, one for each group: the tenant's own, with that group as the required one."""

    def __init__(self, tenant: Tenant, kinds: Kinds) -> None:
        self.fingerprint = tenant.fingerprint
        self._backends = [(role, _backend(tenant, kinds, group)) for role, group in _groups(tenant)]

    def backends(self) -> Iterator[tuple[Role, AuthBackend]]:
        """Yield them, of the most powerful role first."""
        yield from self._backends

    def close(self) -> None:
        """Stop them, beside whatever is under way."""
        for _, backend in self._backends:
            greenlets.spawn("web/retire", backend.stop)


def _groups(tenant: Tenant) -> list[tuple[Role, str]]:
    site = tenant.admin_site
    groups = {
        Role.ADMINISTRATOR: site.administrators_group,
        Role.HELPDESK: site.helpdesk_group,
        Role.AUDITOR: site.auditors_group,
    }
    return [(role, group) for role, group in groups.items() if group]


def _backend(tenant: Tenant, kinds: Kinds, group: str) -> AuthBackend:
    settings = MappingProxyType({**tenant.auth.settings, "required_group": group})
    backend = kinds.backends[tenant.auth.name].make(TenantContext(tenant.id, tenant.domains, settings))
    backend.start()
    return backend


def _fenced(backend: AuthBackend, login: Credentials, timeout_s: float) -> AuthAnswer:
    """Ask a backend; whatever a plugin does, it becomes an answer."""
    try:
        with gevent.Timeout(timeout_s):
            return backend.authenticate(login, timeout_s)
    except gevent.Timeout:
        return AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no answer within {timeout_s:g} s")
    except LoginFailed as failure:
        return AuthAnswer(failure.reason, failure.detail)
    except BROKEN as error:
        _log.error("plugin.failed", table="auth", detail=type(error).__name__)  # no traceback: it might quote a password
        return AuthAnswer(Reason.BACKEND_FAILED, type(error).__name__)
