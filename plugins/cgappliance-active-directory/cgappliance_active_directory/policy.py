"""One login at Active Directory, from top to bottom: find the entry, look at its state and group, try its password."""

from __future__ import annotations

from cgappliance.plugin_api import (
    AuthAnswer,
    Credentials,
    Deadline,
    Failover,
    NoServer,
    OpeningRefused,
    Reason,
    ServerRotation,
    TenantContext,
    directory_servers,
)
from cgappliance_active_directory import diagnostics, verbs
from cgappliance_active_directory.connect import Opener, ServiceOpener, tls_context
from cgappliance_active_directory.settings import group_filter, user_filter
from cgappliance_active_directory.verbs import Entry

#: part of the host's time that is used: its own clock must not run out first, or it could not tell why
OWN_SHARE = 0.9


class ActiveDirectory:
    """The backend of one tenant: two sets of pooled connections, one that searches and one that checks passwords."""

    def __init__(self, context: TenantContext) -> None:
        self._settings = context.settings
        self._required_group = context.settings["required_group"]

    def start(self) -> None:
        """Read the CA file; connections are opened by the first login."""
        settings = self._settings
        context = tls_context(settings["ca_file"])
        rotation = ServerRotation(directory_servers(settings))  # shared: a server is down for both purposes
        pooled = {"pool_size": settings["pool_size"], "attempt_s": settings["server_timeout_s"]}
        searcher = ServiceOpener(context, settings["bind_dn"], settings["bind_password_file"])
        self._searching = Failover(rotation, searcher, **pooled)
        self._checking = Failover(rotation, Opener(context), **pooled)

    def stop(self) -> None:
        """Close the connections."""
        self._searching.close()
        self._checking.close()

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        """Return Active Directory's answer. Blocks cooperatively, for less than ``timeout_s`` seconds."""
        if not credentials.password:
            # RFC 4513 5.1.2: a DN with an empty password is an anonymous bind, and succeeds
            return AuthAnswer(Reason.EMPTY_PASSWORD)
        if _has_controls(credentials.address) or _has_controls(credentials.password.reveal()):
            # the host refuses these before; a directory written in C may read no further than a NUL and find somebody else
            return AuthAnswer(Reason.BAD_CHARACTERS)
        deadline = Deadline(timeout_s * OWN_SHARE)
        try:
            entries = self._find(credentials.address, deadline)
            if len(entries) != 1:
                return AuthAnswer(Reason.AMBIGUOUS_ADDRESS if entries else Reason.UNKNOWN_ADDRESS)
            return self._try(entries[0], credentials, deadline)
        except NoServer as outage:
            return AuthAnswer(Reason.DIRECTORY_TIMEOUT if outage.timed_out else Reason.DIRECTORY_UNAVAILABLE, str(outage))
        except (OpeningRefused, verbs.Refused) as refusal:
            return AuthAnswer(Reason.DIRECTORY_MISCONFIGURED, str(refusal))

    def _find(self, address: str, deadline: Deadline) -> list[Entry]:
        filter_ = user_filter(self._settings, address)
        return self._searching.run(
            lambda connection, until: verbs.find(connection, until, self._settings["base_dn"], filter_), deadline
        )

    def _try(self, entry: Entry, credentials: Credentials, deadline: Deadline) -> AuthAnswer:
        # state and group first: a password that could not help is not worth a bind that counts towards the account's lockout
        if entry.disabled:
            return AuthAnswer(Reason.DISABLED, entry.dn, entry.object_guid)
        if self._required_group and not self._in_group(entry, deadline):
            return AuthAnswer(Reason.NOT_IN_GROUP, entry.dn, entry.object_guid)
        refusal = self._checking.run(
            lambda connection, until: verbs.check_password(connection, until, entry.dn, credentials.password), deadline
        )
        if refusal is None:
            return AuthAnswer(Reason.ACCEPTED, entry.dn, entry.object_guid)
        return AuthAnswer(diagnostics.reason_of(diagnostics.sub_code(refusal)), f"{entry.dn}: {refusal}", entry.object_guid)

    def _in_group(self, entry: Entry, deadline: Deadline) -> bool:
        filter_ = group_filter(self._required_group)
        return self._searching.run(lambda connection, until: verbs.matches(connection, until, entry.dn, filter_), deadline)


def _has_controls(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)
