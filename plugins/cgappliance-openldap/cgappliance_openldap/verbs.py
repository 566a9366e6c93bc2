"""The questions to a directory: who has this address, is that entry in the group, is this its password.

Each is asked over a connection that the caller lends, within the caller's deadline, and knows nothing of servers and pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ldap
from ldap.controls.ppolicy import PasswordPolicyControl

from cgappliance.plugin_api import AuthAnswer, Deadline, OpeningRefused, Reason, Secret
from cgappliance_openldap import escape
from cgappliance_openldap.connection import Connection, Refused
from cgappliance_openldap.engine import Handle, Request
from cgappliance_openldap.policy import PolicyAnswer

NO_ATTRIBUTES = ["1.1"]  # RFC 4511 4.5.1.8: the DN is all we want to know
ENOUGH_ENTRIES = 2  #: one is the answer, two are ambiguous, more are no use
SCOPES = {"subtree": ldap.SCOPE_SUBTREE, "onelevel": ldap.SCOPE_ONELEVEL}


class NotUsable(Exception):
    """The verdict is ``answer``, and the connection must not be used for anything else."""

    def __init__(self, answer: AuthAnswer) -> None:
        super().__init__(answer.reason.sentence)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Search:
    """How a tenant's entries are found."""

    base_dn: str
    scope: int
    filter: str  #: entries that may log in at all
    mail_attribute: str
    required_group: str  #: DN; "": none

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Search:
        """Read it from checked settings."""
        return cls(
            base_dn=settings["base_dn"],
            scope=SCOPES[settings["scope"]],
            filter=settings["filter"],
            mail_attribute=settings["mail_attribute"],
            required_group=settings["required_group"] or "",
        )


def bind_service(connection: Connection, dn: str, password: Secret, deadline: Deadline) -> None:
    """Make the connection the appliance's own, for searching.

    Raises:
        OpeningRefused: the directory does not accept the appliance's account.
        ServerFailed: the server does not answer.
    """
    try:
        connection.ask(_simple_bind(dn, password), deadline)
    except Refused as refused:
        raise OpeningRefused(f"bind_dn {dn}: {refused}") from None


def find(connection: Connection, search: Search, address: str, deadline: Deadline) -> str | Reason:
    """Return the DN of the one entry that has the mail address and may log in, or the reason why there is none.

    Raises:
        Refused: the directory does not let the appliance search.
        ServerFailed: the server does not answer.
    """
    attributes = ["memberOf"] if search.required_group else NO_ATTRIBUTES
    wanted = escape.every(search.filter, escape.equals(search.mail_attribute, address))
    try:
        answer = connection.ask(_search(search.base_dn, search.scope, wanted, attributes), deadline)
    except Refused as refused:
        if isinstance(refused.error, ldap.SIZELIMIT_EXCEEDED):
            return Reason.AMBIGUOUS_ADDRESS
        raise
    entries = [(dn, values) for dn, values in answer.data if dn]  # without one: a referral to a server that we do not ask
    if len(entries) != 1:
        return Reason.AMBIGUOUS_ADDRESS if entries else Reason.UNKNOWN_ADDRESS
    dn, values = entries[0]
    if search.required_group and not _member(connection, search.required_group, dn, values, deadline):
        return Reason.NOT_IN_GROUP
    return dn


def _member(connection: Connection, group: str, dn: str, values: Mapping[str, list[bytes]], deadline: Deadline) -> bool:
    """Return whether the entry is in the group, by its own memberOf or else by the group's members.

    memberOf comes for nothing with the search, but only some directories keep it, and not for groups that were there before.
    """
    groups = {value.decode(errors="replace").casefold() for key in values if key.casefold() == "memberof" for value in values[key]}
    if group.casefold() in groups:
        return True
    member = escape.either(escape.equals("member", dn), escape.equals("uniqueMember", dn))
    return bool(connection.ask(_search(group, ldap.SCOPE_BASE, member, NO_ATTRIBUTES), deadline).data)


def check_password(connection: Connection, dn: str, password: Secret, deadline: Deadline) -> AuthAnswer:
    """Return whether ``password`` is that of the entry ``dn``.

    Raises:
        NotUsable: it is, and must be changed first; the connection is good for that alone.
        Refused: the directory refuses the question.
        ServerFailed: the server does not answer.
    """
    try:
        answer = connection.ask(_simple_bind(dn, password), deadline)
    except Refused as refused:
        if not isinstance(refused.error, (ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH)):
            raise
        return AuthAnswer(PolicyAnswer.of_refusal(refused.controls).refusal, str(refused), dn)
    policy = PolicyAnswer.of_success(answer.controls)
    if policy.must_change:
        raise NotUsable(AuthAnswer(Reason.PASSWORD_MUST_CHANGE, identity=dn))
    return AuthAnswer(Reason.ACCEPTED, policy.warning, dn)


def _simple_bind(dn: str, password: Secret) -> Request:
    if not dn or not password:
        raise ValueError("a bind without name or password succeeds as nobody (RFC 4513 5.1.2)")

    def request(handle: Handle) -> int:
        message: int = handle.simple_bind(dn, password.reveal(), serverctrls=[PasswordPolicyControl()])
        return message

    return request


def _search(base_dn: str, scope: int, wanted: str, attributes: list[str]) -> Request:
    def request(handle: Handle) -> int:
        message: int = handle.search_ext(base_dn, scope, wanted, attributes, sizelimit=ENOUGH_ENTRIES)
        return message

    return request
