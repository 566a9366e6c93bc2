"""One login against the directory: find the entry with the appliance's own account, then try its password as the entry.

The two steps use connections of their own: one that is bound as the appliance for good, and one that is bound anew by each login.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cgappliance.plugin_api import (
    AuthAnswer,
    Credentials,
    Deadline,
    DirectoryServer,
    Failover,
    NoServer,
    OpeningRefused,
    Reason,
    Secret,
    ServerRotation,
    TenantContext,
    directory_servers,
)
from cgappliance_openldap import verbs
from cgappliance_openldap.connection import Connection, Refused, connect, tls_context

Answer = TypeVar("Answer")

#: The part of the host's time that we use: the rest is for saying ourselves which server did not answer
OWN_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class PlainConnector:
    """Opens connections that are nobody's, for trying passwords."""

    context: ssl.SSLContext

    def open(self, server: DirectoryServer, deadline: Deadline) -> Connection:
        """Return a protected connection, not bound."""
        return connect(server, self.context, deadline)

    def close(self, connection: Connection) -> None:
        """Close it without waiting."""
        connection.close()


@dataclass(frozen=True, slots=True)
class ServiceConnector(PlainConnector):
    """Opens connections that are bound as the appliance's own account, for searching."""

    bind_dn: str
    bind_password: Secret

    def open(self, server: DirectoryServer, deadline: Deadline) -> Connection:
        """Return a protected connection, bound."""
        connection = connect(server, self.context, deadline)
        try:
            verbs.bind_service(connection, self.bind_dn, self.bind_password, deadline)
        except BaseException:
            connection.close()
            raise
        return connection


class OpenLdapBackend:
    """Verifies passwords against one tenant's OpenLDAP servers."""

    def __init__(self, context: TenantContext, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is asked before the first login. ``clock`` decides when a server that failed is asked again."""
        settings = context.settings
        tls = tls_context(settings["ca_file"])
        rotation = ServerRotation(directory_servers(settings), clock=clock)
        limits = {"pool_size": settings["pool_size"], "attempt_s": settings["server_timeout_s"], "clock": clock}
        service = ServiceConnector(tls, settings["bind_dn"], settings["bind_password_file"])
        self._search = verbs.Search.of(settings)
        self._searching = Failover(rotation, service, **limits)
        self._binding = Failover(rotation, PlainConnector(tls), **limits)

    def start(self) -> None:
        """Nothing to do: connections are opened by the logins that need them."""

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        """Return the directory's answer. Blocks for up to ``timeout_s`` seconds, and lets other greenlets run meanwhile."""
        if not credentials.password:
            return AuthAnswer(Reason.EMPTY_PASSWORD)
        try:
            return self._log_in(credentials, Deadline(timeout_s * OWN_SHARE))
        except verbs.NotUsable as verdict:
            return verdict.answer
        except NoServer as outage:
            return AuthAnswer(Reason.DIRECTORY_TIMEOUT if outage.timed_out else Reason.DIRECTORY_UNAVAILABLE, str(outage))
        except (OpeningRefused, Refused) as refusal:
            return AuthAnswer(Reason.DIRECTORY_MISCONFIGURED, str(refusal))

    def _log_in(self, credentials: Credentials, deadline: Deadline) -> AuthAnswer:
        found = self._searching.run(partial(self._find, credentials.address), deadline)
        if isinstance(found, Reason):
            return AuthAnswer(found)
        return self._binding.run(partial(self._check, found, credentials.password), deadline)

    def _find(self, address: str, connection: Connection, deadline: Deadline) -> str | Reason:
        return verbs.find(connection, self._search, address, deadline)

    @staticmethod
    def _check(dn: str, password: Secret, connection: Connection, deadline: Deadline) -> AuthAnswer:
        return verbs.check_password(connection, dn, password, deadline)

    def stop(self) -> None:
        """Close all connections; the logins that still use one close it when they end."""
        self._searching.close()
        self._binding.close()
