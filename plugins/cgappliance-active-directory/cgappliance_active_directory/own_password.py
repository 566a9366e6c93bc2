"""Somebody changes his own password: old and new one together (MS-ADTS 3.1.1.3.1.5.1.2), which the domain's rules apply to.

It is asked over the search account's connection: everybody may change a password that he knows, and who must change his cannot log
in before he has. Only the new password alone would be an administrator's reset; the appliance never sends that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ldap3
from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_NO_SUCH_OBJECT,
    RESULT_OPERATIONS_ERROR,
)

from cgappliance.plugin_api import (
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
from cgappliance_active_directory import verbs
from cgappliance_active_directory.connect import Connection, LdapResult, ServiceOpener, asking, result_of, tls_context
from cgappliance_active_directory.settings import user_filter

_CODE = re.compile(r"^([0-9A-Fa-f]{8}):")

#: Windows error codes (MS-ERREF 2.2) in front of the controller's words.
WRONG_PASSWORD_CODES = frozenset({"00000056"})  # ERROR_INVALID_PASSWORD
LOCKED_CODES = frozenset({"00000775"})  # ERROR_ACCOUNT_LOCKED_OUT

#: Windows has one code for all rules, 52D, and no words; Samba says which rule it was.
WORDS: Mapping[str, PasswordFault] = {
    "too short": PasswordFault.TOO_SHORT,
    "complexity": PasswordFault.TOO_SIMPLE,
    "already used": PasswordFault.USED_BEFORE,
    "too young": PasswordFault.TOO_SOON,
}
COMPLEXITY = 1  #: DOMAIN_PASSWORD_COMPLEX of pwdProperties (MS-SAMR 2.2.1.9)
CLASSES = 3  #: that complexity wants (MS-SAMR 3.1.1.7.2)
TICKS = 10_000_000  #: hundreds of nanoseconds in a second; spans are negative

#: Attributes of the domain, and of a policy for some people only (PSO): length, history, minimum age, complexity.
OF_DOMAIN = ("minPwdLength", "pwdHistoryLength", "minPwdAge", "pwdProperties")
OF_SOME = (
    "msDS-MinimumPasswordLength",
    "msDS-PasswordHistoryLength",
    "msDS-MinimumPasswordAge",
    "msDS-PasswordComplexityEnabled",
)


class OwnPassword(PasswordChanger):
    """Changes passwords of one tenant's domain."""

    def __init__(self, context: TenantContext) -> None:
        """Prepare; connections are opened by the calls.

        Raises:
            OSError: the CA file cannot be read.
        """
        self._settings = settings = context.settings
        opener = ServiceOpener(tls_context(settings["ca_file"]), settings["bind_dn"], settings["bind_password_file"])
        rotation = ServerRotation(directory_servers(settings))
        self._asking = Failover(rotation, opener, pool_size=1, attempt_s=settings["server_timeout_s"])

    def change(self, address: str, old: Secret, new: Secret, timeout_s: float) -> None:
        """Replace a password. Blocks for up to ``timeout_s`` seconds.

        Raises:
            PasswordNotChanged: it is not certain that ``new`` counts now.
        """

        def verb(connection: Connection, deadline: Deadline) -> None:
            # found over the same connection: one that the controller has closed meanwhile shows before anything is changed
            _change(connection, deadline, self._entry(connection, deadline, address), old, new)

        self._run(verb, timeout_s)

    def rules(self, address: str, timeout_s: float) -> PasswordRules:
        """Return the rules for this person: those of a policy for some people, else the domain's. Blocks likewise.

        Raises:
            PasswordNotChanged: the domain could not be asked.
        """
        found: list[PasswordRules] = []

        def verb(connection: Connection, deadline: Deadline) -> None:
            found.append(_rules(connection, deadline, self._entry(connection, deadline, address)))

        self._run(verb, timeout_s)
        return found[-1]

    def close(self) -> None:
        """Close the connections."""
        self._asking.close()

    def _entry(self, connection: Connection, deadline: Deadline, address: str) -> str:
        entries = verbs.find(connection, deadline, self._settings["base_dn"], user_filter(self._settings, address))
        if len(entries) != 1:
            reason = Reason.AMBIGUOUS_ADDRESS if entries else Reason.UNKNOWN_ADDRESS
            raise PasswordNotChanged(PasswordFault.ACCOUNT, reason.sentence)
        return entries[0].dn

    def _run(self, verb: Any, timeout_s: float) -> None:
        try:
            self._asking.run(verb, Deadline(timeout_s))
        except (NoServer, OpeningRefused, verbs.Refused) as outage:
            raise PasswordNotChanged(PasswordFault.UNAVAILABLE, str(outage)) from None


def _change(connection: Connection, deadline: Deadline, dn: str, old: Secret, new: Secret) -> None:
    both = [(ldap3.MODIFY_DELETE, [_quoted(old)]), (ldap3.MODIFY_ADD, [_quoted(new)])]
    try:
        with asking(connection, deadline):
            connection.modify(dn, {"unicodePwd": both})  # type: ignore[no-untyped-call]  # types-ldap3 has no types there
        result = result_of(connection)
    except ServerFailed as failure:  # not to be tried at another controller: this one may have done it
        raise PasswordNotChanged(PasswordFault.UNCERTAIN, str(failure)) from None
    finally:
        connection.request = None  # ldap3 keeps it, passwords included
    if not result.success:
        raise PasswordNotChanged(fault_of(result), result.message)


def fault_of(result: LdapResult) -> PasswordFault:
    """Return what a controller's refusal means."""
    code = (_CODE.match(result.message) or ["", ""])[1].upper()
    if code in WRONG_PASSWORD_CODES:
        return PasswordFault.WRONG_PASSWORD
    if code in LOCKED_CODES:
        return PasswordFault.ACCOUNT
    if result.code == RESULT_CONSTRAINT_VIOLATION:
        said = result.message.lower()
        return next((fault for words, fault in WORDS.items() if words in said), PasswordFault.RULES)
    if result.code == RESULT_INSUFFICIENT_ACCESS_RIGHTS:
        return PasswordFault.NOT_ALLOWED
    return PasswordFault.UNAVAILABLE


def _quoted(password: Secret) -> bytes:
    return f'"{password.reveal()}"'.encode("utf-16-le")


def _rules(connection: Connection, deadline: Deadline, dn: str) -> PasswordRules:
    of_entry = _read(connection, deadline, dn, ("msDS-ResultantPSO",))
    if own := of_entry.get("msds-resultantpso"):
        # who may not read the policy must not be told the domain's rules: they are other ones
        return _rules_from(_read(connection, deadline, own.decode(), OF_SOME), OF_SOME)
    root = _read(connection, deadline, "", ("defaultNamingContext",))
    domain = root.get("defaultnamingcontext", b"").decode()
    return _rules_from(_read(connection, deadline, domain, OF_DOMAIN), OF_DOMAIN)


def _rules_from(values: Mapping[str, bytes], names: tuple[str, str, str, str]) -> PasswordRules:
    length, history, age, complexity = (values.get(name.lower()) for name in names)
    simple = complexity is None or complexity == b"FALSE" or (complexity.isdigit() and not int(complexity) & COMPLEXITY)
    return PasswordRules(
        min_length=None if length is None else int(length),
        classes=None if simple else CLASSES,
        history=None if history is None else int(history),
        min_age_s=None if age is None else -int(age) // TICKS,
    )


def _read(connection: Connection, deadline: Deadline, dn: str, attributes: tuple[str, ...]) -> dict[str, bytes]:
    """Return the first values of an entry, names in lower case; nothing where there is no entry, or none that may be read."""
    with asking(connection, deadline):
        connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
    result = result_of(connection)
    if result.code == RESULT_OPERATIONS_ERROR:  # not logged in any more
        raise ServerFailed(result.message)
    if result.code in {RESULT_NO_SUCH_OBJECT, RESULT_INSUFFICIENT_ACCESS_RIGHTS}:
        return {}
    entries = [found for found in connection.response or () if found["type"] == "searchResEntry"]
    values = entries[0]["raw_attributes"] if entries else {}
    return {name.lower(): found[0] for name, found in values.items() if found}
