"""What is asked of a domain controller: find an entry, is it in a group, is this its password.

Each verb runs on an open connection, for ``Failover.run``: it raises ``ServerFailed`` when the server gave no answer, and returns
the answer otherwise. It knows no policy.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.core.results import RESULT_INVALID_CREDENTIALS, RESULT_OPERATIONS_ERROR, RESULT_SIZE_LIMIT_EXCEEDED

from cgappliance.plugin_api import Deadline, Secret, ServerFailed
from cgappliance_active_directory.connect import Connection, LdapResult, asking, result_of, simple_bind
from cgappliance_active_directory.diagnostics import OUTAGES, sub_code

ACCOUNT_DISABLED = 0x0002  #: ADS_UF_ACCOUNTDISABLE of userAccountControl (MS-ADTS 2.2.16)
MAX_ENTRIES = 2  #: one is an answer, two are ambiguous, more would tell no more


class Refused(Exception):
    """A domain controller answered a request of ours with an error: a setting or a right is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An account as the search found it."""

    dn: str
    object_guid: str  #: stays the same when the account is moved or renamed
    disabled: bool


def find(connection: Connection, deadline: Deadline, base_dn: str, filter_: str) -> list[Entry]:
    """Return the entries below ``base_dn`` that match the filter: at most ``MAX_ENTRIES``.

    Raises:
        ServerFailed: the server did not answer.
        Refused: it answered with an error.
    """
    attributes = ["objectGUID", "userAccountControl"]
    return [_entry(found) for found in _search(connection, deadline, base_dn, filter_, scope=ldap3.SUBTREE, attributes=attributes)]


def matches(connection: Connection, deadline: Deadline, dn: str, filter_: str) -> bool:
    """Return whether the entry itself matches the filter.

    Raises:
        ServerFailed: the server did not answer.
        Refused: it answered with an error.
    """
    return bool(_search(connection, deadline, dn, filter_, scope=ldap3.BASE, attributes=[ldap3.NO_ATTRIBUTES]))


def check_password(connection: Connection, deadline: Deadline, dn: str, password: Secret) -> str | None:
    """Return None when this is the entry's password, and the domain controller's words when it says no.

    Raises:
        ServerFailed: the server did not answer, or could not check.
        Refused: it does not take passwords this way.
    """
    result = simple_bind(connection, deadline, dn, password)
    if result.success:
        return None
    if result.code != RESULT_INVALID_CREDENTIALS:
        raise _error(connection, result)
    if sub_code(result.message) in OUTAGES:
        raise ServerFailed(result.message)
    return result.message


def _search(
    connection: Connection, deadline: Deadline, base_dn: str, filter_: str, *, scope: Any, attributes: list[str]
) -> list[dict[str, Any]]:
    with asking(connection, deadline):
        connection.search(base_dn, filter_, scope, attributes=attributes, size_limit=MAX_ENTRIES)
    result = result_of(connection)
    if (
        result.code == RESULT_OPERATIONS_ERROR
    ):  # how Active Directory says "you are not logged in (any more)": open a new connection
        raise ServerFailed(result.message)
    if not result.success and result.code != RESULT_SIZE_LIMIT_EXCEEDED:
        raise _error(connection, result)
    # references to other domains and partitions come along with a domain's root; they are not followed
    return [response for response in connection.response or () if response["type"] == "searchResEntry"]


def _entry(found: dict[str, Any]) -> Entry:
    attributes = {name.lower(): values for name, values in found["raw_attributes"].items()}
    guid = attributes.get("objectguid")
    control = attributes.get("useraccountcontrol")
    return Entry(
        dn=found["dn"],
        object_guid=str(uuid.UUID(bytes_le=guid[0])) if guid else "",
        disabled=bool(control and int(control[0]) & ACCOUNT_DISABLED),
    )


def _error(connection: Connection, result: LdapResult) -> Refused:
    return Refused(f"{connection.server.name}: result {result.code}: {result.message}")
