"""What the lab's Active Directory domain holds: its users in every state that a login can meet, its groups, as LDIF.

This file is data and its rendering; ``samba.py`` runs the domain controller.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

REALM = "AD.LAB.TEST"
DOMAIN = "ADLAB"
BASE_DN = "DC=ad,DC=lab,DC=test"
PEOPLE_DN = f"OU=People,{BASE_DN}"
MAIL_DOMAIN = "lab.test"

ADMINISTRATOR_UPN = f"Administrator@{REALM.lower()}"
ADMINISTRATOR_PASSWORD = "Passw0rd!of.admin"

LOCKOUT_THRESHOLD = 10  #: wrong passwords until an account is locked; a right one in between starts the count again

NEVER = -(2**63)  #: Active Directory's way to write "for ever" as a time span
DAY = 24 * 60 * 60 * 10_000_000  #: in units of 100 ns, as Active Directory counts
LONG_AGO = 116_444_736_000_000_000  #: 1970 in the same units since 1601

#: lets the owner of the database write pwdLastSet, which no LDAP client may set to a time (Samba's own replication uses it)
BYPASS_PASSWORD_LAST_SET = "local_oid:1.3.6.1.4.1.7165.4.3.20:0"


@dataclass(frozen=True, slots=True)
class AdUser:
    """One account of the domain."""

    name: str  #: sAMAccountName
    password: str
    state: tuple[str, ...] = ()  #: attributes that make it special, as "attribute: value" or "attribute:: base64"
    common_name: str = ""  #: default: ``name``
    aliases: tuple[str, ...] = ()
    address: str = ""  #: its mail address; default: its name at ``MAIL_DOMAIN``

    @property
    def dn(self) -> str:
        """Its distinguished name."""
        return f"CN={escape_rdn(self.common_name or self.name)},{PEOPLE_DN}"

    @property
    def mail(self) -> str:
        """Its mail address, which is not its UPN: what works with one must not work by accident with the other."""
        return self.address or f"{self.name}@{MAIL_DOMAIN}"

    @property
    def upn(self) -> str:
        """Its user principal name."""
        return f"u-{self.name}@{MAIL_DOMAIN}"


def escape_rdn(value: str) -> str:
    """Return ``value`` as it stands in a DN (RFC 4514 2.4)."""
    return "".join(f"\\{character}" if character in ',+"\\<>;=#' else character for character in value)


SERVICE = AdUser("svc-cgappliance", "Svc.secret1")
GOOD = AdUser("taro", "Secret.taro", aliases=("taro.tanaka", "info"))
OTHER = AdUser("jiro", "Secret.jiro")
JAPANESE = AdUser("hanako", 'パスワード "山\\田" 42', common_name="山田 花子")
AWKWARD = AdUser("smith", "Secret.smith", common_name='Smith, John (Sales) * + "Lab" <x>;y=#1')
NESTED = AdUser("nested", "Secret.nested")
LOCKABLE = AdUser("lockable", "Secret.lockable")
DISABLED = AdUser("disabled", "Secret.disabled", ("userAccountControl: 514",))
LOCKED = AdUser("locked", "Secret.locked", (f"lockoutTime: {LONG_AGO}",))
ACCOUNT_EXPIRED = AdUser("expired", "Secret.expired", (f"accountExpires: {LONG_AGO}",))
PASSWORD_EXPIRED = AdUser("pwexpired", "Secret.pwexpired", (f"pwdLastSet: {LONG_AGO}",))
MUST_CHANGE = AdUser("mustchange", "Secret.mustchange", ("pwdLastSet: 0",))
NO_HOURS = AdUser("nohours", "Secret.nohours", (f"logonHours:: {base64.b64encode(bytes(21)).decode()}",))
OTHER_WORKSTATION = AdUser("workstation", "Secret.workstation", ("userWorkstations: SOMEWHERE",))
TWINS = (AdUser("twin1", "Secret.twin"), AdUser("twin2", "Secret.twin"))
TWINS_MAIL = f"twins@{MAIL_DOMAIN}"  #: two accounts have it

USERS = (
    *(SERVICE, GOOD, OTHER, JAPANESE, AWKWARD, NESTED, LOCKABLE, DISABLED, LOCKED, ACCOUNT_EXPIRED),
    *(PASSWORD_EXPIRED, MUST_CHANGE, NO_HOURS, OTHER_WORKSTATION, *TWINS),
)

GROUPS_DN = f"OU=Groups,{BASE_DN}"
#: the group that may read mail, with every character that must be escaped in a filter or a DN
MAIL_GROUP_DN = f"CN={escape_rdn('Mail (Users), * all')},{GROUPS_DN}"
INNER_GROUP_DN = f"CN=Inner,{GROUPS_DN}"
INNERMOST_GROUP_DN = f"CN=Innermost,{GROUPS_DN}"
MEMBERS = {MAIL_GROUP_DN: (GOOD.dn, INNER_GROUP_DN), INNER_GROUP_DN: (INNERMOST_GROUP_DN,), INNERMOST_GROUP_DN: (NESTED.dn,)}


def records() -> list[tuple[str, tuple[str, ...]]]:
    """Return the changes that fill a new domain: LDIF text and the controls that it needs, in order."""
    adds = [
        _policy(),
        *(_unit(dn) for dn in (PEOPLE_DN, GROUPS_DN)),
        *map(add, USERS),
        *(group(dn, *MEMBERS[dn]) for dn in reversed(MEMBERS)),
    ]
    states = [(modify(user.dn, *user.state), (BYPASS_PASSWORD_LAST_SET,)) for user in USERS if user.state]
    twins = [(modify(twin.dn, f"mail: {TWINS_MAIL}"), ()) for twin in TWINS]
    return [("\n".join(adds), ()), *states, *twins]


def add(user: AdUser) -> str:
    """Return LDIF that makes an account, before its ``state``."""
    password = base64.b64encode(user.password.encode("utf-16-le")).decode()
    aliases = [f"smtp:{alias}@{MAIL_DOMAIN}" for alias in user.aliases]
    return (
        f"{_line('dn', user.dn)}changetype: add\nobjectClass: user\nsAMAccountName: {user.name}\n"
        f"{_line('userPrincipalName', user.upn)}{_line('mail', user.mail)}"
        f"{''.join(_line('proxyAddresses', address) for address in (f'SMTP:{user.mail}', *aliases))}"
        f"userAccountControl: 512\nclearTextPassword:: {password}\n"
    )


def modify(dn: str, *lines: str) -> str:
    """Return LDIF that replaces each attribute of ``lines`` ("attribute: value") by its one value."""
    replaced = [f"replace: {line.partition(':')[0]}\n{line}\n-\n" for line in lines]
    return f"{_line('dn', dn)}changetype: modify\n{''.join(replaced)}\n"


def password_line(password: str) -> str:
    """Return the attribute that sets a password: UTF-16 in quotation marks (MS-ADTS 3.1.1.3.1.5)."""
    quoted = f'"{password}"'
    return f"unicodePwd:: {base64.b64encode(quoted.encode('utf-16-le')).decode()}"


def _line(attribute: str, value: str) -> str:
    """Return one attribute; base64 always, so that no value needs thought."""
    return f"{attribute}:: {base64.b64encode(value.encode()).decode()}\n"


def _policy() -> str:
    """No complexity, so that tests may use any password; locked accounts stay locked; passwords outlive a cached domain."""
    return modify(
        BASE_DN,
        "pwdProperties: 0",
        "minPwdLength: 1",
        "minPwdAge: 0",
        f"maxPwdAge: {-10 * 365 * DAY}",
        f"lockoutThreshold: {LOCKOUT_THRESHOLD}",
        f"lockoutDuration: {NEVER}",
    )


def _unit(dn: str) -> str:
    return f"{_line('dn', dn)}changetype: add\nobjectClass: organizationalUnit\n"


def group(dn: str, *members: str) -> str:
    """Return LDIF that makes a group of accounts and of other groups, by their DNs; those must exist."""
    lines = "".join(_line("member", member) for member in members)
    return f"{_line('dn', dn)}changetype: add\nobjectClass: group\n{lines}"
