"""The people of a domain as a whole, for ``account sync``: everybody who could log in, page by page, over one connection.

A listing is all or nothing: when the connection breaks, the caller is told and begins anew, perhaps with another controller.
Membership is asked of the domain controller, which follows groups in groups; the group's own list of members would have gaps above
1500 of them, and would not.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ldap3
from ldap3.core.results import RESULT_OPERATIONS_ERROR

from cgappliance.plugin_api import (
    Deadline,
    Directory,
    DirectoryEntry,
    DirectoryFailed,
    DirectoryQuery,
    DirectoryServer,
    OpeningRefused,
    Reason,
    ServerCheck,
    ServerFailed,
    TenantContext,
    directory_servers,
)
from cgappliance_active_directory.connect import Connection, ServiceOpener, asking, result_of, tls_context
from cgappliance_active_directory.settings import LOGIN_ATTRIBUTES, group_filter, user_filter
from cgappliance_active_directory.verbs import ACCOUNT_DISABLED

PAGE_ENTRIES = 500  #: below the 1000 that a domain controller gives at once (MaxPageSize)
PAGE_TIMEOUT_S = 60.0  #: a controller counts nested groups itself: a second for a page of a large domain
OPEN_TIMEOUT_S = 10.0  #: then the next controller is tried
ENTRIES_MAX = 1_000_000  #: more than the largest forests have; a filter that matches so many is a wrong one

PAGED_RESULTS = "1.2.840.113556.1.4.319"  #: RFC 2696
PRIMARY_ADDRESS = "SMTP:"  #: of the proxyAddresses, the one that mail is sent from; the others begin with smtp:

_Found = Mapping[str, Any]


class People(Directory):
    """Reads one tenant's domain."""

    def __init__(self, context: TenantContext) -> None:
        """Prepare; a connection is opened by the first question.

        Raises:
            OSError: the CA file cannot be read.
        """
        self._settings = context.settings
        self._domains = context.domains
        self._servers = directory_servers(context.settings)
        opened_by = (context.settings["bind_dn"], context.settings["bind_password_file"])
        self._opener = ServiceOpener(tls_context(context.settings["ca_file"]), *opened_by)
        self._connection: Connection | None = None

    def pages(self, query: DirectoryQuery) -> Iterator[Sequence[DirectoryEntry]]:
        """Yield everybody who may log in by the tenant's settings, page by page.

        Raises:
            DirectoryFailed: it cannot be read, or not to the end.
        """
        members = {group: self._members(group) for group in query.groups}
        read = 0
        for page in self._walk(self._everybody(), self._attributes(query.attribute)):
            read += len(page)
            if read > ENTRIES_MAX:
                raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"the filter matches more than {ENTRIES_MAX} entries")
            yield [self._entry(found, members, query.attribute) for found in page]

    def find(self, address: str) -> DirectoryEntry | None:
        """Return the entry of an address that ``pages`` would yield, or None when there is none.

        Raises:
            DirectoryFailed: it cannot be asked, or has several of this address.
        """
        wanted = f"(&{user_filter(self._settings, address)}{self._required()})"
        entries = [found for page in self._walk(wanted, self._attributes("")) for found in page]
        if len(entries) > 1:
            raise DirectoryFailed(Reason.AMBIGUOUS_ADDRESS, f"{address}: {' and '.join(found['dn'] for found in entries[:2])}")
        return self._entry(entries[0], {}, "") if entries else None

    def check(self) -> Sequence[ServerCheck]:
        """Ask each controller for the base of the search, and return what each says. Raises nothing."""
        return [self._check(server) for server in self._servers]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._opener.close(self._connection)
            self._connection = None

    def _everybody(self) -> str:
        attribute = self._settings["login_attribute"]
        return f"(&{self._settings['user_filter']}({attribute}=*){self._required()})"

    def _required(self) -> str:
        group = self._settings["required_group"]
        return group_filter(group) if group else ""

    def _attributes(self, further: str) -> list[str]:
        named = [self._settings["login_attribute"], "givenName", "sn", "displayName", "objectGUID", "userAccountControl", further]
        return list(dict.fromkeys(name for name in named if name))

    def _members(self, group: str) -> frozenset[str]:
        """Return the DNs of those who are in a group, directly or through others.

        Raises:
            DirectoryFailed: it cannot be asked, or has no such group.
        """
        if not list(self._ask(group, "(objectClass=group)", [ldap3.NO_ATTRIBUTES], scope=ldap3.BASE)[0]):
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"{group} is no group")
        wanted = f"(&{self._settings['user_filter']}{group_filter(group)})"
        return frozenset(found["dn"] for page in self._walk(wanted, [ldap3.NO_ATTRIBUTES]) for found in page)

    def _walk(self, wanted: str, attributes: list[str]) -> Iterator[list[_Found]]:
        """Yield the entries that match a filter, in pages."""
        cookie: bytes | None = None
        while True:
            found, cookie = self._ask(self._settings["base_dn"], wanted, attributes, cookie=cookie)
            yield found
            if not cookie:
                return

    def _ask(
        self, base_dn: str, wanted: str, attributes: list[str], *, scope: Any = ldap3.SUBTREE, cookie: bytes | None = None
    ) -> tuple[list[_Found], bytes | None]:
        """Return one page, and the cookie of the next one.

        Raises:
            DirectoryFailed: there is none.
        """
        connection = self._opened()
        try:
            with asking(connection, Deadline(PAGE_TIMEOUT_S)):
                connection.search(base_dn, wanted, scope, attributes=attributes, paged_size=PAGE_ENTRIES, paged_cookie=cookie)
            result = result_of(connection)
        except ServerFailed as failure:
            raise self._broken(failure) from None
        if not result.success:
            self.close()
            reason = Reason.DIRECTORY_UNAVAILABLE if result.code == RESULT_OPERATIONS_ERROR else Reason.DIRECTORY_MISCONFIGURED
            raise DirectoryFailed(reason, f"{connection.server.name}: result {result.code}: {result.message}")
        # references to other domains and partitions come along with a domain's root; they are not followed
        found = [response for response in connection.response or () if response["type"] == "searchResEntry"]
        return found, _cookie(connection)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> Connection:
        failures: list[str] = []
        timed_out = False
        for server in self._servers:
            try:
                return self._opener.open(server, Deadline(OPEN_TIMEOUT_S))
            except ServerFailed as failure:
                timed_out = timed_out or failure.timed_out
                failures.append(f"{server}: {failure}")
            except OpeningRefused as refusal:
                raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, str(refusal)) from None
        raise DirectoryFailed(Reason.DIRECTORY_TIMEOUT if timed_out else Reason.DIRECTORY_UNAVAILABLE, "; ".join(failures))

    def _broken(self, failure: ServerFailed) -> DirectoryFailed:
        """Return the failure for the caller; the connection is of no use any more."""
        self.close()
        return DirectoryFailed(Reason.DIRECTORY_TIMEOUT if failure.timed_out else Reason.DIRECTORY_UNAVAILABLE, str(failure))

    def _check(self, server: DirectoryServer) -> ServerCheck:
        try:
            connection = self._opener.open(server, Deadline(OPEN_TIMEOUT_S))
            try:
                with asking(connection, Deadline(PAGE_TIMEOUT_S)):
                    connection.search(self._settings["base_dn"], "(objectClass=*)", ldap3.BASE, attributes=[ldap3.NO_ATTRIBUTES])
                result = result_of(connection)
            finally:
                self._opener.close(connection)
        except ServerFailed as failure:
            reason = Reason.DIRECTORY_TIMEOUT if failure.timed_out else Reason.DIRECTORY_UNAVAILABLE
            return ServerCheck(str(server), reason, str(failure))
        except OpeningRefused as refusal:
            return ServerCheck(str(server), Reason.DIRECTORY_MISCONFIGURED, str(refusal))
        if not result.success:
            return ServerCheck(str(server), Reason.DIRECTORY_MISCONFIGURED, f"{self._settings['base_dn']}: {result.message}")
        return ServerCheck(str(server), Reason.ACCEPTED)

    def _entry(self, found: _Found, members: Mapping[str, frozenset[str]], further: str) -> DirectoryEntry:
        values = {name.lower(): list(raw) for name, raw in found["raw_attributes"].items()}
        guid = values.get("objectguid")
        control = values.get("useraccountcontrol")
        address, *others = self._addresses(values) or [""]
        return DirectoryEntry(
            identity=str(uuid.UUID(bytes_le=guid[0])) if guid else found["dn"],
            address=address,
            aliases=frozenset(map(str.lower, others)),
            given_name=_first(values, "givenname"),
            family_name=_first(values, "sn") or _first(values, "displayname"),
            disabled=bool(control and int(control[0]) & ACCOUNT_DISABLED),
            groups=frozenset(group for group, dns in members.items() if found["dn"] in dns),
            attribute=_first(values, further.lower()) if further else "",
        )

    def _addresses(self, values: Mapping[str, list[bytes]]) -> list[str]:
        """Return the login names: those of the tenant before others, the mailbox's primary one first."""
        attribute = self._settings["login_attribute"]
        prefix = LOGIN_ATTRIBUTES[attribute]
        texts = [value.decode(errors="replace") for value in values.get(attribute.lower(), ())]
        texts.sort(key=lambda text: (text.rpartition("@")[2].lower() not in self._domains, not text.startswith(PRIMARY_ADDRESS)))
        return [text[len(prefix) :] for text in texts if text.lower().startswith(prefix)]


def _cookie(connection: Connection) -> bytes | None:
    """Return what asks for the next page; None or empty: there is none."""
    controls = connection.result.get("controls") or {}
    cookie: bytes | None = controls[PAGED_RESULTS]["value"]["cookie"] if PAGED_RESULTS in controls else None
    return cookie


def _first(values: Mapping[str, list[bytes]], name: str) -> str:
    return next((value.decode(errors="replace") for value in values.get(name, ())), "")
