"""What a lab's OpenLDAP server holds: people, their groups and their password policy, as LDIF for slapadd."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SUFFIX = "dc=lab,dc=test"
PEOPLE_DN = f"ou=people,{SUFFIX}"
GROUPS_DN = f"ou=groups,{SUFFIX}"
SERVICE_DN = f"cn=proxy,ou=services,{SUFFIX}"  #: may read everything but passwords
SERVICE_PASSWORD = "proxy-secret"

TIME = "%Y%m%d%H%M%SZ"  #: RFC 4517 3.3.13: generalized time
FAR_PAST = "20200101000000Z"
FOR_EVER = "000001010000Z"  #: slapo-ppolicy(5): locked until an administrator unlocks it

Entry = tuple[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mail address and a password."""

    address: str
    password: str
    rdn: str = ""  #: as in a DN, escaped by the caller; default: ``uid=<local part>``
    groups: Sequence[str] = ()
    must_change: bool = False  #: the password was reset by an administrator
    locked: bool = False  #: by an administrator
    expired: bool = False  #: the password is older than any policy allows
    password_age_s: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)  #: further ones


@dataclass(frozen=True, slots=True)
class Policy:
    """The password policy of all people (slapo-ppolicy(5))."""

    max_failures: int = 0  #: wrong passwords until the entry is locked; 0: never
    lockout_s: int = 0  #: 0: until an administrator unlocks it
    max_age_s: int = 90 * 24 * 3600
    warn_s: int = 7 * 24 * 3600  #: how long before its end a login is told so
    grace_logins: int = 0  #: logins with an expired password


def people(count: int, domain: str = "lab.test") -> list[Person]:
    """Return ``u0000@domain`` with password ``pw0000`` and so on."""
    return [Person(f"u{number:04d}@{domain}", f"pw{number:04d}") for number in range(count)]


def dn_of(person: Person) -> str:
    """Return the DN of a person's entry."""
    return f"{person.rdn or 'uid=' + person.address.partition('@')[0]},{PEOPLE_DN}"


def group_dn(name: str) -> str:
    """Return the DN of a group."""
    return f"cn={name},{GROUPS_DN}"


def entries(members: Sequence[Person], policy: Policy, *, memberof: bool) -> Iterable[Entry]:
    """Yield the whole directory, parents first. ``memberof``: whether entries say which groups they are members of."""
    yield SUFFIX, {"objectClass": ["dcObject", "organization"], "o": ["Lab"], "dc": ["lab"]}
    for name in ("people", "groups", "policies", "services"):
        yield f"ou={name},{SUFFIX}", {"objectClass": ["organizationalUnit"], "ou": [name]}
    service = {"objectClass": ["organizationalRole", "simpleSecurityObject"], "cn": ["proxy"]}
    yield SERVICE_DN, {**service, "userPassword": [_hash(SERVICE_PASSWORD)]}
    yield f"cn=default,ou=policies,{SUFFIX}", _policy_attributes(policy)
    for person in members:
        yield dn_of(person), _person_attributes(person, memberof=memberof)
    for group in sorted({group for person in members for group in person.groups}):
        dns = [dn_of(person) for person in members if group in person.groups]
        yield group_dn(group), {"objectClass": ["groupOfNames"], "cn": [group], "member": dns}


def _person_attributes(person: Person, *, memberof: bool) -> Mapping[str, Sequence[str]]:
    name = person.address.partition("@")[0]
    changed = FAR_PAST if person.expired else (datetime.now(UTC) - timedelta(seconds=person.password_age_s)).strftime(TIME)
    # slapadd runs no overlay: what memberof and ppolicy would have written has to stand in the data
    operational: dict[str, Sequence[str]] = {"pwdChangedTime": [changed]}
    if person.groups and memberof:
        operational["memberOf"] = [group_dn(group) for group in person.groups]
    if person.must_change:
        operational["pwdReset"] = ["TRUE"]
    if person.locked:
        operational["pwdAccountLockedTime"] = [FOR_EVER]
    return {
        "objectClass": ["inetOrgPerson"],
        "cn": [name],
        "sn": [name],
        "uid": [name],
        "mail": [person.address],
        "userPassword": [_hash(person.password)],
        **{key: [value] for key, value in person.attributes.items()},
        **operational,
    }


def _policy_attributes(policy: Policy) -> Mapping[str, Sequence[str]]:
    return {
        "objectClass": ["device", "pwdPolicy"],
        "cn": ["default"],
        "pwdAttribute": ["userPassword"],
        "pwdLockout": ["TRUE"],
        "pwdMaxFailure": [str(policy.max_failures)],
        "pwdLockoutDuration": [str(policy.lockout_s)],
        "pwdMustChange": ["TRUE"],
        "pwdAllowUserChange": ["TRUE"],
        "pwdMinLength": ["6"],
        "pwdCheckQuality": ["1"],
        "pwdMaxAge": [str(policy.max_age_s)],
        "pwdExpireWarning": [str(policy.warn_s)],
        "pwdGraceAuthNLimit": [str(policy.grace_logins)],
    }


def _hash(password: str) -> str:
    """Return the password as {SSHA}, which every slapd knows without a further module."""
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def ldif(entries: Iterable[Entry]) -> str:
    """Return LDIF with every value in base64, so that any text may stand in it (RFC 2849)."""

    def lines(dn: str, attributes: Mapping[str, Sequence[str]]) -> Iterable[str]:
        yield f"dn:: {_base64(dn)}"
        for name, values in attributes.items():
            for value in values:
                yield f"{name}:: {_base64(value)}"

    return "\n\n".join("\n".join(lines(dn, attributes)) for dn, attributes in entries) + "\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
