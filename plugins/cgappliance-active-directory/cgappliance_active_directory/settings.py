"""What a tenant file says about its Active Directory, how that is checked, and the filter that it makes.

Nothing here opens a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn

from cgappliance.plugin_api import DIRECTORY_SETTINGS, Mistake, Setting, SettingType, check_directory
from cgappliance_active_directory.connect import tls_context

#: the attributes that a login name is looked for in, and what stands before it there
LOGIN_ATTRIBUTES = {"mail": "", "userPrincipalName": "", "proxyAddresses": "smtp:"}

#: people's accounts: not computers, which are of the class user too, and not contacts
DEFAULT_USER_FILTER = "(&(objectCategory=person)(objectClass=user))"

PLACEHOLDER = re.compile(r"%[su]|\{\w*\}")  #: what other programs put in the place of the login name

#: the ways to write an account in a simple bind (MS-ADTS 5.1.1.1.1): DN, UPN, DOMAIN\\name; a bare name is none
ACCOUNT_MARKS = ("=", "@", "\\")

IN_CHAIN = "1.2.840.113556.1.4.1941"  #: LDAP_MATCHING_RULE_IN_CHAIN: members of the group's groups too (MS-ADTS 3.1.1.3.4.4.3)


def _problem_of_dn(value: str) -> str | None:
    try:
        parse_dn(value)
    except LDAPExceptionError as error:
        return f"{value!r} is no DN: {error} (write one such as CN=Mail,OU=Groups,DC=acme,DC=example)"
    return None


def _problem_of_filter(value: str) -> str | None:
    if PLACEHOLDER.search(value):
        return "the filter has a place for the login name (leave it out; the test of login_attribute is added to the filter)"
    try:
        parse_filter(value, None, auto_escape=False, auto_encode=False, validator=None, check_names=False)  # type: ignore[no-untyped-call]
    except LDAPExceptionError as error:
        return f"{value!r} is no LDAP filter: {error} (write one such as (&(objectClass=user)(department=Sales)))"
    return None


SETTINGS = (
    *DIRECTORY_SETTINGS,
    Setting(
        "login_attribute",
        SettingType.STRING,
        "Attribute that holds the login name: the mail address, the UPN, or any address of the mailbox.",
        default="mail",
        choices=tuple(LOGIN_ATTRIBUTES),
    ),
    Setting(
        "user_filter",
        SettingType.STRING,
        "LDAP filter that an entry must match besides.",
        default=DEFAULT_USER_FILTER,
        check=_problem_of_filter,
    ),
    Setting(
        "required_group",
        SettingType.STRING,
        "DN of a group that users must be in, directly or through other groups; a primary group (Domain Users) does not count.",
        default=None,
        check=_problem_of_dn,
    ),
)


def check(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return the mistakes across settings, and those in shared ones that only this backend can see. Reads the CA file."""
    mistakes = check_directory(settings)
    if problem := _problem_of_dn(settings["base_dn"]):
        mistakes.append(Mistake("base_dn", problem.partition(" (")[0], "write the domain's DN, such as DC=acme,DC=example"))
    account = settings["bind_dn"]
    if not any(mark in account for mark in ACCOUNT_MARKS):
        mistakes.append(Mistake("bind_dn", f"{account!r} is a bare name", f"write a DN, or {account}@ and the domain"))
    if not settings["bind_password_file"]:
        mistakes.append(Mistake("bind_password_file", "the file is empty", f"put the password of {account} into it"))
    try:
        tls_context(settings["ca_file"])
    except OSError:  # ssl.SSLError is one
        mistakes.append(Mistake("ca_file", f"{settings['ca_file']} holds no certificate", "give a file of certificates in PEM"))
    return mistakes


def user_filter(settings: Mapping[str, Any], address: str) -> str:
    """Return the filter that finds the entry with this login name (RFC 4515 3: the name is escaped)."""
    attribute = settings["login_attribute"]
    return f"(&{settings['user_filter']}({attribute}={LOGIN_ATTRIBUTES[attribute]}{escape_filter_chars(address)}))"


def group_filter(group_dn: str) -> str:
    """Return the filter that an entry matches when it is in the group, however deep."""
    return f"(memberOf:{IN_CHAIN}:={escape_filter_chars(group_dn)})"
