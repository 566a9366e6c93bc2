"""The people of a directory as a whole, for ``account sync``: everybody who could log in, page by page, over one connection.

A listing is all or nothing: when the connection breaks, the caller is told and begins anew, perhaps with another server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ldap
from ldap.controls.libldap import SimplePagedResultsControl

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
from cgappliance_openldap import escape
from cgappliance_openldap.backend import ServiceConnector
from cgappliance_openldap.connection import Connection, Refused, tls_context
from cgappliance_openldap.engine import Answer, Handle
from cgappliance_openldap.entries import MEMBERS, Columns, Membership, Values, members_of
from cgappliance_openldap.verbs import NO_ATTRIBUTES, Search

PAGE_ENTRIES = 500  #: 250 KB; slapd gives no more at once unless its limits are raised
PAGE_TIMEOUT_S = 30.0  #: a page takes 20 ms from an index, and seconds where the filter has none
OPEN_TIMEOUT_S = 10.0  #: then the next server is tried
PAGE_LIMIT_BYTES = 16 * 1024 * 1024  #: 500 entries with photos left out are far below
GROUP_LIMIT_BYTES = 64 * 1024 * 1024  #: a group of 500,000 members
ENTRIES_MAX = 1_000_000  #: a filter that matches a whole country's citizens is a wrong one


class People(Directory):
    """Reads one tenant's directory."""

    def __init__(self, context: TenantContext) -> None:
        """Prepare; a connection is opened by the first question.

        Raises:
            OSError: the CA file cannot be read.
        """
        settings = context.settings
        self._servers = directory_servers(settings)
        self._tls = tls_context(settings["ca_file"])
        self._connector = ServiceConnector(self._tls, settings["bind_dn"], settings["bind_password_file"])
        self._search = Search.of(settings)
        self._columns = Columns.of(settings, context.domains)
        self._connection: Connection | None = None

    def pages(self, query: DirectoryQuery) -> Iterator[Sequence[DirectoryEntry]]:
        """Yield everybody who may log in by the tenant's settings, page by page.

        A group's members are read before: by its own list, for only some directories keep memberOf. Groups in groups do not count.

        Raises:
            DirectoryFailed: it cannot be read, or not to the end.
        """
        required = self._search.required_group
        membership = Membership({group: self._members(group) for group in {*query.groups, *([required] if required else [])}})
        attributes = self._columns.wanted(query.attribute)
        read = 0
        for page in self._walk(self._search.filter, attributes):
            read += len(page)
            if read > ENTRIES_MAX:
                raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"the filter matches more than {ENTRIES_MAX} entries")
            found = [(dn, values, membership.of(dn, values)) for dn, values in page]
            yield [
                self._columns.entry(dn, values, groups & set(query.groups), query.attribute)
                for dn, values, groups in found
                if not required or required in groups
            ]

    def find(self, address: str) -> DirectoryEntry | None:
        """Return the entry of an address that ``pages`` would yield, or None when there is none.

        Raises:
            DirectoryFailed: it cannot be asked, or has several of this address.
        """
        found = self.found(address)
        if found is None:
            return None
        dn, values = found
        required = self._search.required_group
        if required and required not in Membership({required: self._members(required)}).of(dn, values):
            return None
        return self._columns.entry(dn, values, (), "")

    def check(self) -> Sequence[ServerCheck]:
        """Ask each server for the base of the search, and return what each says. Raises nothing."""
        return [self._check(server) for server in self._servers]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def found(self, address: str) -> tuple[str, Values] | None:
        """Return DN and attributes of the one entry of an address, whatever its groups, or None when there is none.

        Raises:
            DirectoryFailed: it cannot be asked, or has several of this address.
        """
        wanted = escape.every(self._search.filter, escape.equals(self._search.mail_attribute, address))
        entries = [entry for page in self._walk(wanted, self._columns.wanted("")) for entry in page]
        if len(entries) > 1:
            raise DirectoryFailed(Reason.AMBIGUOUS_ADDRESS, f"{address}: {' and '.join(dn for dn, _ in entries[:2])}")
        return entries[0] if entries else None

    def _walk(self, wanted: str, attributes: list[str]) -> Iterator[list[tuple[str, Values]]]:
        """Yield the entries that match a filter, in pages (RFC 2696)."""
        cookie: bytes | str = ""
        while True:
            answer = self._ask_page(wanted, attributes, cookie)
            yield [(dn, values) for dn, values in answer.data if dn]  # without one: a referral to a server that we do not ask
            cookie = _cookie(answer)
            if not cookie:
                return

    def _ask_page(self, wanted: str, attributes: list[str], cookie: bytes | str) -> Answer:
        def request(handle: Handle) -> int:
            paged = SimplePagedResultsControl(criticality=True, size=PAGE_ENTRIES, cookie=cookie)
            message: int = handle.search_ext(self._search.base_dn, self._search.scope, wanted, attributes, serverctrls=[paged])
            return message

        try:
            return self._opened().ask(request, Deadline(PAGE_TIMEOUT_S), PAGE_LIMIT_BYTES)
        except Refused as refused:
            if isinstance(refused.error, ldap.SIZELIMIT_EXCEEDED):
                remedy = f"raise the limit of {self._connector.bind_dn}: olcLimits with size.prtotal=unlimited"
                raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"it does not give all entries ({remedy})") from None
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, str(refused)) from None
        except ServerFailed as failure:
            raise self._broken(failure) from None

    def _members(self, group: str) -> frozenset[str]:
        """Return the members that a group lists: keys of DNs, and names of posixGroup.

        Raises:
            DirectoryFailed: it cannot be asked, or has no such group.
        """

        def request(handle: Handle) -> int:
            message: int = handle.search_ext(group, ldap.SCOPE_BASE, "(objectClass=*)", list(MEMBERS))
            return message

        try:
            answer = self._opened().ask(request, Deadline(PAGE_TIMEOUT_S), GROUP_LIMIT_BYTES)
        except Refused as refused:
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"group {group}: {refused}") from None
        except ServerFailed as failure:
            raise self._broken(failure) from None
        return members_of(next((values for dn, values in answer.data if dn), {}))

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> Connection:
        failures: list[str] = []
        timed_out = False
        for server in self._servers:
            try:
                return self._connector.open(server, Deadline(OPEN_TIMEOUT_S))
            except ServerFailed as failure:
                timed_out = timed_out or failure.timed_out
                failures.append(f"{server}: {failure}")
            except OpeningRefused as refusal:
                raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"{server}: {refusal}") from None
        raise DirectoryFailed(Reason.DIRECTORY_TIMEOUT if timed_out else Reason.DIRECTORY_UNAVAILABLE, "; ".join(failures))

    def _broken(self, failure: ServerFailed) -> DirectoryFailed:
        """Return the failure for the caller; the connection is of no use any more."""
        self.close()
        return DirectoryFailed(Reason.DIRECTORY_TIMEOUT if failure.timed_out else Reason.DIRECTORY_UNAVAILABLE, str(failure))

    def _check(self, server: DirectoryServer) -> ServerCheck:
        def request(handle: Handle) -> int:
            message: int = handle.search_ext(self._search.base_dn, ldap.SCOPE_BASE, "(objectClass=*)", NO_ATTRIBUTES)
            return message

        try:
            connection = self._connector.open(server, Deadline(OPEN_TIMEOUT_S))
            try:
                found = connection.ask(request, Deadline(PAGE_TIMEOUT_S)).data
            finally:
                connection.close()
        except ServerFailed as failure:
            reason = Reason.DIRECTORY_TIMEOUT if failure.timed_out else Reason.DIRECTORY_UNAVAILABLE
            return ServerCheck(str(server), reason, str(failure))
        except (OpeningRefused, Refused) as refusal:
            return ServerCheck(str(server), Reason.DIRECTORY_MISCONFIGURED, str(refusal))
        if not found:
            return ServerCheck(str(server), Reason.DIRECTORY_MISCONFIGURED, f"{self._search.base_dn} is not to be seen")
        return ServerCheck(str(server), Reason.ACCEPTED)


def _cookie(answer: Answer) -> bytes:
    for control in answer.controls:
        if isinstance(control, SimplePagedResultsControl):
            cookie: bytes = control.cookie
            return cookie
    return b""
