"""Makes, switches and removes the people of a directory that the appliance manages (edition "light").

Passwords are set by the operation made for it (RFC 3062): the server hashes them and holds them against its policy.
"""

from __future__ import annotations

from collections.abc import Callable

import ldap

from cgappliance.plugin_api import (
    Deadline,
    DirectoryEntry,
    DirectoryFailed,
    NewPerson,
    Reason,
    Secret,
    ServerFailed,
    TenantContext,
    WritableDirectory,
)
from cgappliance_openldap.backend import ServiceConnector
from cgappliance_openldap.connection import Refused
from cgappliance_openldap.engine import Handle
from cgappliance_openldap.entries import new_attributes, new_dn
from cgappliance_openldap.people import People

CHANGE_TIMEOUT_S = 15.0  #: a change is milliseconds at the server, and more where it waits for its replicas


class ManagedPeople(People, WritableDirectory):
    """Reads and changes one tenant's directory, with an account of its own where the tenant file names one."""

    def __init__(self, context: TenantContext) -> None:
        """Prepare; a connection is opened by the first question.

        Raises:
            OSError: the CA file cannot be read.
        """
        super().__init__(context)
        settings = context.settings
        if settings["manager_dn"]:
            self._connector = ServiceConnector(self._tls, settings["manager_dn"], settings["manager_password_file"])
        self._parent_dn = settings["people_dn"] or settings["base_dn"]
        self._classes = settings["object_classes"]

    def create(self, person: NewPerson, password: Secret) -> DirectoryEntry:
        """Make an entry with an initial password, all of it or nothing, and return it.

        Raises:
            DirectoryFailed: there is one of this address or name, the password does not satisfy the directory, or it refuses.
        """
        there = self.found(person.address)
        if there is not None:
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"it has an entry of {person.address} already: {there[0]}")
        dn = new_dn(person, self._parent_dn)
        attributes = new_attributes(person, self._columns.mail, self._classes)
        self._change(dn, lambda handle: handle.add_ext(dn, attributes))
        try:
            self._set_password(dn, password)
        except DirectoryFailed:
            self._change(dn, lambda handle: handle.delete_ext(dn))  # nobody shall find an entry that anybody may log in to
            raise
        made = self.found(person.address)
        if made is None:
            hint = "auth.people_dn must lie below base_dn, and the entry must match auth.filter"
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"{dn} was made and is not found by a login ({hint})")
        return self._columns.entry(*made, (), "")

    def set_disabled(self, address: str, *, disabled: bool) -> None:
        """Switch an entry off or on.

        Raises:
            DirectoryFailed: there is none of this address, or the directory refuses.
        """
        dn = self._dn(address)
        values = [self._columns.disabled_value.encode()] if disabled else None
        change = [(ldap.MOD_REPLACE, self._columns.disabled, values)]
        self._change(dn, lambda handle: handle.modify_ext(dn, change))

    def set_password(self, address: str, password: Secret) -> None:
        """Give an entry another password, as an administrator does.

        Raises:
            DirectoryFailed: there is none of this address, the password does not satisfy the directory, or it refuses.
        """
        self._set_password(self._dn(address), password)

    def delete(self, address: str) -> None:
        """Remove an entry.

        Raises:
            DirectoryFailed: there is none of this address, or the directory refuses.
        """
        dn = self._dn(address)
        self._change(dn, lambda handle: handle.delete_ext(dn))

    def _dn(self, address: str) -> str:
        found = self.found(address)
        if found is None:
            raise DirectoryFailed(Reason.UNKNOWN_ADDRESS, address)
        return found[0]

    def _set_password(self, dn: str, password: Secret) -> None:
        if not password:
            raise DirectoryFailed(Reason.EMPTY_PASSWORD, dn)
        self._change(dn, lambda handle: handle.passwd(dn, None, password.reveal()))

    def _change(self, dn: str, request: Callable[[Handle], int]) -> None:
        try:
            self._opened().ask(request, Deadline(CHANGE_TIMEOUT_S))
        except Refused as refused:
            hint = ""
            if isinstance(refused.error, ldap.INSUFFICIENT_ACCESS):
                hint = f" (give {self._connector.bind_dn} the right to write there, or name another account in auth.manager_dn)"
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"{dn}: {refused}{hint}") from None
        except ServerFailed as failure:
            raise self._broken(failure) from None
