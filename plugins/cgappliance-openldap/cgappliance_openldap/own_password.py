"""Somebody changes his own password: by the operation made for it (RFC 3062), as himself, so that the server's policy applies.

As the appliance's account it would be an administrator's reset, which knows no history and no minimum age.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import ldap
from ldap.controls.ppolicy import PasswordPolicyControl

from cgappliance.plugin_api import (
    AuthAnswer,
    Deadline,
    Failover,
    NoServer,
    OpeningRefused,
    PasswordChanger,
    PasswordFault,
    PasswordNotChanged,
    PasswordRules,
    Reason,
    Secret,
    ServerFailed,
    ServerRotation,
    TenantContext,
    directory_servers,
)
from cgappliance_openldap import verbs
from cgappliance_openldap.backend import PlainConnector, ServiceConnector
from cgappliance_openldap.connection import Connection, Refused, tls_context
from cgappliance_openldap.engine import Handle, Request
from cgappliance_openldap.policy import PolicyAnswer

POLICY = "(objectClass=pwdPolicy)"
RULES = ("pwdMinLength", "pwdInHistory", "pwdMinAge")
POLICIES_ENOUGH = 2  #: one applies to all, with two nobody but the server knows which

#: What a refused change means by the control's error (draft-behera-ldap-password-policy-10 6.2), as PolicyAnswer has them.
FAULTS: Mapping[int, PasswordFault] = {
    3: PasswordFault.NOT_ALLOWED,
    4: PasswordFault.NOT_ALLOWED,
    5: PasswordFault.TOO_SIMPLE,
    6: PasswordFault.TOO_SHORT,
    7: PasswordFault.TOO_SOON,
    8: PasswordFault.USED_BEFORE,
}


class OwnPassword(PasswordChanger):
    """Changes passwords of one tenant's directory."""

    def __init__(self, context: TenantContext) -> None:
        """Prepare; connections are opened by the calls.

        Raises:
            OSError: the CA file cannot be read.
        """
        settings = context.settings
        tls = tls_context(settings["ca_file"])
        rotation = ServerRotation(directory_servers(settings))
        limits = {"pool_size": 1, "attempt_s": settings["server_timeout_s"]}
        service = ServiceConnector(tls, settings["bind_dn"], settings["bind_password_file"])
        self._search = verbs.Search.of(settings)
        self._asking = Failover(rotation, service, **limits)
        self._changing = Failover(rotation, PlainConnector(tls), **limits)

    def change(self, address: str, old: Secret, new: Secret, timeout_s: float) -> None:
        """Replace a password. Blocks for up to ``timeout_s`` seconds.

        Raises:
            PasswordNotChanged: it is not certain that ``new`` counts now.
        """
        deadline = Deadline(timeout_s)
        try:
            dn = self._dn(address, deadline)
            self._changing.run(partial(_change, dn, old, new), deadline)
        except (NoServer, OpeningRefused, Refused) as outage:
            raise PasswordNotChanged(PasswordFault.UNAVAILABLE, str(outage)) from None

    def rules(self, address: str, timeout_s: float) -> PasswordRules:
        """Return what the policy of the entry says, else the only policy that there is. Blocks for up to ``timeout_s`` seconds.

        Raises:
            PasswordNotChanged: the directory could not be asked.
        """
        deadline = Deadline(timeout_s)
        try:
            return self._asking.run(partial(_rules, self._dn(address, deadline), self._search.base_dn), deadline)
        except (NoServer, OpeningRefused, Refused) as outage:
            raise PasswordNotChanged(PasswordFault.UNAVAILABLE, str(outage)) from None

    def close(self) -> None:
        """Close the connections."""
        self._asking.close()
        self._changing.close()

    def _dn(self, address: str, deadline: Deadline) -> str:
        found = self._asking.run(lambda connection, until: verbs.find(connection, self._search, address, until), deadline)
        if isinstance(found, Reason):
            raise PasswordNotChanged(PasswordFault.ACCOUNT, found.sentence)
        return found


def _change(dn: str, old: Secret, new: Secret, connection: Connection, deadline: Deadline) -> None:
    _log_in(connection, dn, old, deadline)
    try:
        connection.ask(_modify(dn, old, new), deadline)
    except Refused as refused:
        raise PasswordNotChanged(_fault(refused), str(refused)) from None
    except ServerFailed as failure:  # not to be tried at another server: this one may have done it
        raise PasswordNotChanged(PasswordFault.UNCERTAIN, str(failure)) from None


def _log_in(connection: Connection, dn: str, old: Secret, deadline: Deadline) -> None:
    try:
        answer = verbs.check_password(connection, dn, old, deadline)
    except verbs.NotUsable as verdict:  # must be changed: which is what happens next
        answer = AuthAnswer(Reason.ACCEPTED, identity=verdict.answer.identity)
    if answer.reason is Reason.WRONG_PASSWORD:
        raise PasswordNotChanged(PasswordFault.WRONG_PASSWORD, answer.detail)
    if not answer.accepted:
        raise PasswordNotChanged(PasswordFault.ACCOUNT, f"{answer.reason.sentence}: {answer.detail}")


def _modify(dn: str, old: Secret, new: Secret) -> Request:
    def request(handle: Handle) -> int:
        message: int = handle.passwd(dn, old.reveal(), new.reveal(), serverctrls=[PasswordPolicyControl()])
        return message

    return request


def _fault(refused: Refused) -> PasswordFault:
    told = FAULTS.get(PolicyAnswer.of_refusal(refused.controls).error)
    if told is not None:
        return told
    if isinstance(refused.error, ldap.CONSTRAINT_VIOLATION):
        return PasswordFault.RULES
    if isinstance(refused.error, ldap.INSUFFICIENT_ACCESS):
        return PasswordFault.NOT_ALLOWED
    return PasswordFault.UNAVAILABLE


def _rules(dn: str, base_dn: str, connection: Connection, deadline: Deadline) -> PasswordRules:
    values = _policy_of(connection, dn, deadline) or _only_policy(connection, base_dn, deadline)
    found = {name: _number(values, name) for name in RULES}
    return PasswordRules(found["pwdMinLength"], history=found["pwdInHistory"], min_age_s=found["pwdMinAge"])


def _policy_of(connection: Connection, dn: str, deadline: Deadline) -> Mapping[str, Sequence[bytes]]:
    """Return the policy that the entry names for itself, or nothing."""
    entry = _read(connection, dn, ldap.SCOPE_BASE, "(objectClass=*)", attributes=("pwdPolicySubentry",), deadline=deadline)
    named = [value.decode() for values in entry for value in values.get("pwdpolicysubentry", ())]
    found = _read(connection, named[0], ldap.SCOPE_BASE, POLICY, attributes=RULES, deadline=deadline) if named else []
    return found[0] if found else {}


def _only_policy(connection: Connection, base_dn: str, deadline: Deadline) -> Mapping[str, Sequence[bytes]]:
    """Return the policy of the directory, when there is one only: which one is the default, its configuration alone says."""
    root = _read(connection, "", ldap.SCOPE_BASE, "(objectClass=*)", attributes=("namingContexts",), deadline=deadline)
    contexts = [value.decode() for values in root for value in values.get("namingcontexts", ())]
    context = next((name for name in contexts if base_dn.casefold().endswith(name.casefold())), base_dn)
    found = _read(connection, context, ldap.SCOPE_SUBTREE, POLICY, attributes=RULES, deadline=deadline)
    return found[0] if len(found) == 1 else {}


def _read(
    connection: Connection, base_dn: str, scope: int, wanted: str, *, attributes: Sequence[str], deadline: Deadline
) -> list[Mapping[str, Sequence[bytes]]]:
    """Return the attributes of what is found, names in lower case; what the appliance may not read is not there."""

    def request(handle: Handle) -> int:
        message: int = handle.search_ext(base_dn, scope, wanted, list(attributes), sizelimit=POLICIES_ENOUGH)
        return message

    try:
        answer = connection.ask(request, deadline)
    except Refused as refused:
        if isinstance(refused.error, (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS, ldap.SIZELIMIT_EXCEEDED)):
            return []
        raise
    return [{name.lower(): found for name, found in values.items()} for dn, values in answer.data if dn is not None]


def _number(values: Mapping[str, Sequence[bytes]], name: str) -> int | None:
    found = values.get(name.lower(), ())
    return int(found[0]) if found and found[0].isdigit() else None
