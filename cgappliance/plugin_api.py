"""The only module that a plugin imports: what it registers, what its objects must do, and the values that pass.

Start reading at ``hookspecs.py``. Everything here is stable within a major version; nothing else of the project is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cgappliance.administration import (
    AppPassword,
    ClientGrant,
    Directory,
    DirectoryEntry,
    DirectoryFailed,
    DirectoryQuery,
    GoogleAdministration,
    GoogleFault,
    GoogleRefused,
    GoogleSetup,
    GoogleUser,
    MailAccess,
    NewGoogleUser,
    NewPerson,
    PasswordAnswer,
    ScopeCheck,
    ServerCheck,
    Taken,
    WritableDirectory,
)
from cgappliance.config.setting import REQUIRED, CrossCheck, Mistake, Setting, SettingType
from cgappliance.directory import DIRECTORY_SETTINGS, DirectoryServer, check_directory, directory_servers
from cgappliance.errors import LoginFailed, PluginError
from cgappliance.failover import Connector, Failover, NoServer, ServerRotation
from cgappliance.hookspecs import hookimpl
from cgappliance.model import AuthAnswer, Credentials, Grant, GrantMechanism, MailProtocol, Outcome, Reason
from cgappliance.password_change import PasswordChanger, PasswordFault, PasswordNotChanged, PasswordRules
from cgappliance.pooling import Deadline, OpeningRefused, ServerFailed, ServerTimedOut
from cgappliance.secret import Secret
from cgappliance.shared_tls import SharedContexts

__all__ = [
    "DIRECTORY_SETTINGS",
    "REQUIRED",
    "AppPassword",
    "AuthAnswer",
    "AuthBackend",
    "BackendKind",
    "ClientGrant",
    "Connector",
    "CredentialProvider",
    "CredentialSource",
    "Credentials",
    "Deadline",
    "Directory",
    "DirectoryEntry",
    "DirectoryFailed",
    "DirectoryQuery",
    "DirectoryServer",
    "Failover",
    "GoogleAdministration",
    "GoogleFault",
    "GoogleRefused",
    "GoogleSetup",
    "GoogleUser",
    "Grant",
    "GrantMechanism",
    "LoginFailed",
    "MailAccess",
    "MailProtocol",
    "Mistake",
    "NewGoogleUser",
    "NewPerson",
    "NoServer",
    "OpeningRefused",
    "Outcome",
    "PasswordAnswer",
    "PasswordChanger",
    "PasswordFault",
    "PasswordNotChanged",
    "PasswordRules",
    "PluginError",
    "ProviderKind",
    "Reason",
    "ScopeCheck",
    "Secret",
    "ServerCheck",
    "ServerFailed",
    "ServerRotation",
    "ServerTimedOut",
    "Setting",
    "SettingType",
    "SharedContexts",
    "Taken",
    "TenantContext",
    "WritableDirectory",
    "check_directory",
    "directory_servers",
    "hookimpl",
]


#: Gets ("managed-password" or "app-password", mail address) and returns what may work at Google, the likeliest first: more than one
#: while nobody knows whether Google has taken a new password. Blocks cooperatively for a query now and then. Raises LoginFailed.
CredentialSource = Callable[[str, str], Sequence[Secret]]


@dataclass(frozen=True, slots=True)
class TenantContext:
    """What a plugin object may know of its tenant."""

    tenant: str  #: the tenant's id, for log lines
    domains: frozenset[str]
    settings: Mapping[str, Any]  #: the declared settings, typed, defaults filled in, secrets read
    credentials: CredentialSource | None = None  #: the appliance's store, for a provider at work; None: nothing is kept there


class AuthBackend(Protocol):
    """Verifies directory passwords for one tenant. Many logins call it at the same time, each in its own greenlet."""

    def start(self) -> None:
        """Get ready. Called once before the first login.

        Must not wait for the directory: it may be down, which is to be said at ``authenticate``.
        """

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        """Return the directory's answer for ``credentials.address`` and ``credentials.password``.

        May block cooperatively (gevent sockets) for up to ``timeout_s`` seconds; the host abandons it after that and answers
        DIRECTORY_TIMEOUT. A C library that waits must be called in gevent's threadpool. The password is never empty and holds
        no control characters. A directory that is down is ``Reason.DIRECTORY_UNAVAILABLE``, never WRONG_PASSWORD.

        Raises: anything is a bug of the plugin: logged, and UNAVAILABLE for this login.
        """
        ...

    def stop(self) -> None:
        """Close what ``start`` and ``authenticate`` opened. Called once, after the last login."""


class CredentialProvider(Protocol):
    """Gets Google-side credentials for one tenant's accounts. Many logins call it at the same time, each in its own greenlet."""

    def start(self) -> None:
        """Get ready. Called once before the first login; must not wait for Google."""

    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        """Return a credential that Gmail accepts now for ``address`` over ``protocol``.

        ``fresh``: Gmail has just refused what this provider gave: a cached value must not be given again. May block
        cooperatively for up to ``timeout_s`` seconds.

        Raises:
            LoginFailed: there is none; its reason tells outage (TOKEN_UNAVAILABLE) from set-up mistake (DELEGATION_MISSING).
        """
        ...

    def stop(self) -> None:
        """Forget all secrets and close connections. Called once, after the last login."""


def no_mistakes(_settings: Mapping[str, Any]) -> list[Mistake]:
    """The cross-check of a kind whose settings do not depend on each other."""
    return []


@dataclass(frozen=True, slots=True)
class BackendKind:
    """A kind of authentication backend that tenant files can name."""

    name: str
    make: Callable[[TenantContext], AuthBackend]  #: must not block
    settings: tuple[Setting, ...] = ()  #: the further keys of the ``[auth]`` table
    check: CrossCheck = field(default=no_mistakes)  #: mistakes across settings, asked by ``cgappliance check``; must not block
    directory: Callable[[TenantContext], Directory] | None = None  #: reads the people, for ``account sync``; None: cannot
    passwords: Callable[[TenantContext], PasswordChanger] | None = None  #: changes passwords for their owners; None: cannot


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """A kind of Google credential provider that tenant files can name."""

    name: str
    make: Callable[[TenantContext], CredentialProvider]  #: must not block
    settings: tuple[Setting, ...] = ()  #: the further keys of the ``[google]`` table
    check: CrossCheck = field(default=no_mistakes)
    #: sets the Google customer up; None: cannot. May raise GoogleRefused, NOT_CONFIGURED
    administration: Callable[[TenantContext], GoogleAdministration] | None = None
