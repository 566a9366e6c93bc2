"""From an LDAP entry to a person, and back to the attributes of a new entry. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import ldap
import ldap.dn

from cgappliance.plugin_api import DirectoryEntry, NewPerson

Values = Mapping[str, Sequence[bytes]]

#: What names a person in most schemas, by RFC 4519; and the entry itself, by RFC 4530, whatever its DN becomes.
GIVEN_NAME, FAMILY_NAME, ENTRY_ID, MEMBER_OF = "givenName", "sn", "entryUUID", "memberOf"


#: What a group's entry lists its members by: DNs in groupOfNames and groupOfUniqueNames (RFC 4519), names in posixGroup (RFC 2307).
MEMBERS = ("member", "uniqueMember", "memberUid")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which attributes of a tenant's entries mean what."""

    mail: str
    disabled: str
    disabled_value: str
    domains: frozenset[str]  #: of several addresses, one of these counts

    @classmethod
    def of(cls, settings: Mapping[str, Any], domains: frozenset[str]) -> Self:
        """Read them from checked settings."""
        return cls(settings["mail_attribute"], settings["disabled_attribute"], settings["disabled_value"], domains)

    def wanted(self, further: str) -> list[str]:
        """Return the attributes to ask for."""
        named = [self.mail, self.disabled, GIVEN_NAME, FAMILY_NAME, ENTRY_ID, MEMBER_OF, "uid", *([further] if further else [])]
        return list(dict.fromkeys(named))

    def entry(self, dn: str, values: Values, groups: Collection[str], further: str) -> DirectoryEntry:
        """Return the person of an entry.

        Args:
            dn: of the entry.
            values: its attributes.
            groups: those of the query that it is in.
            further: the attribute of the query; "": none.
        """
        addresses = texts(values, self.mail)
        address = self._address(addresses)
        return DirectoryEntry(
            identity=first(values, ENTRY_ID) or dn,
            address=address,
            aliases=frozenset(map(str.lower, addresses)) - {address.lower()},
            given_name=first(values, GIVEN_NAME),
            family_name=first(values, FAMILY_NAME),
            disabled=self.disabled_value.casefold() in map(str.casefold, texts(values, self.disabled)),
            groups=frozenset(groups),
            attribute=first(values, further) if further else "",
        )

    def _address(self, addresses: Sequence[str]) -> str:
        ours = [address for address in addresses if address.rpartition("@")[2].lower() in self.domains]
        return next(iter([*ours, *addresses]), "")


class Membership:
    """Who is in which of some groups."""

    def __init__(self, members: Mapping[str, frozenset[str]]) -> None:
        """Take the groups' own lists.

        Args:
            members: what ``members_of`` returned, by the group's DN as it is to be told.
        """
        self._members = members
        self._names = {key_of(group): group for group in members}

    def of(self, dn: str, values: Values) -> set[str]:
        """Return the groups of an entry: those that list it, and those that it names itself."""
        own = {key_of(dn), *texts(values, "uid")}
        listed = {group for group, members in self._members.items() if not own.isdisjoint(members)}
        return listed | {self._names[key] for key in map(key_of, texts(values, MEMBER_OF)) if key in self._names}


def members_of(values: Values) -> frozenset[str]:
    """Return the members that a group's entry lists: keys of DNs, and names."""
    *by_dn, by_name = MEMBERS
    return frozenset([*(key_of(dn) for name in by_dn for dn in texts(values, name)), *texts(values, by_name)])


def texts(values: Values, attribute: str) -> list[str]:
    """Return the values of an attribute, whose name has no case (RFC 4512 2.5)."""
    wanted = attribute.casefold()
    return [value.decode(errors="replace") for name in values if name.casefold() == wanted for value in values[name]]


def first(values: Values, attribute: str) -> str:
    """Return one value of an attribute; "" when it has none."""
    return next(iter(texts(values, attribute)), "")


def key_of(dn: str) -> str:
    """Return a DN in one of the many ways to write it, to compare it with others (RFC 4514 allows blanks, escapes and any case)."""
    try:
        parts = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return dn.casefold()
    return ",".join("+".join(sorted(f"{name}={value!r}".casefold() for name, value, _ in rdn)) for rdn in parts)


def new_dn(person: NewPerson, parent_dn: str) -> str:
    """Return the DN of a new entry."""
    return f"uid={ldap.dn.escape_dn_chars(person.address.partition('@')[0])},{parent_dn}"


def new_attributes(person: NewPerson, mail: str, classes: Sequence[str]) -> list[tuple[str, list[bytes]]]:
    """Return the attributes of a new entry, without password."""
    attributes = {
        "objectClass": list(classes),
        "uid": [person.address.partition("@")[0]],
        "cn": [f"{person.given_name} {person.family_name}".strip()],
        GIVEN_NAME: [person.given_name],
        FAMILY_NAME: [person.family_name],
        mail: [person.address],
    }
    return [(name, [value.encode() for value in values]) for name, values in attributes.items() if all(values)]
