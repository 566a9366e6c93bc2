"""Security profiles that administrators made, and how rules are written in JSON: in the database, in the audit log and in files.

Profiles of the tenant file are not here; ``admin/profiles.py`` shows both as one list.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exc, insert, select, update

from cgappliance.model import MailProtocol, Network, Profile, ProfileRule
from cgappliance.policy import windows
from cgappliance.store.changes import Kind, Transaction
from cgappliance.store.errors import RecordConflict, RecordMissing
from cgappliance.store.schema import profiles

PROFILES_MAX: Final = 200  #: profiles of a tenant: one per office and group of people


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile with what the store knows of it."""

    id: int
    tenant: str
    profile: Profile
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.profile.name


def make_profile(name: str, rules: Sequence[ProfileRule], *, read_only: bool = False) -> Profile:
    """Return a profile of ordered rules."""
    access = frozenset(protocol for rule in rules if rule.allow for protocol in rule.protocols)
    return Profile(name, access, read_only=read_only, rules=tuple(rules))


def rule_to_json(rule: ProfileRule) -> dict[str, Any]:
    """Return a rule as JSON has it."""
    return {
        "allow": rule.allow,
        "protocols": sorted(rule.protocols),
        "networks": [{"network": str(entry.network), "remark": entry.remark} for entry in rule.networks],
        "windows": [windows.describe(window) for window in rule.windows],
        "remark": rule.remark,
    }


def rule_from_json(data: Mapping[str, Any]) -> ProfileRule:
    """Return the rule that ``rule_to_json`` wrote."""
    return ProfileRule(
        allow=data["allow"],
        protocols=frozenset(MailProtocol(name) for name in data["protocols"]),
        networks=tuple(Network(ipaddress.ip_network(entry["network"]), entry["remark"]) for entry in data["networks"]),
        windows=tuple(windows.parse(text) for text in data["windows"]),
        remark=data["remark"],
    )


def find(connection: Connection, tenant: str, name: str) -> StoredProfile | None:
    """Return a profile, or None."""
    row = connection.execute(select(profiles).where(profiles.c.tenant == tenant, profiles.c.name == name)).one_or_none()
    return None if row is None else _stored(row)


def get(connection: Connection, tenant: str, name: str) -> StoredProfile:
    """Return a profile.

    Raises:
        RecordMissing: there is none of this name.
    """
    found = find(connection, tenant, name)
    if found is None:
        raise RecordMissing(f"{tenant} has no profile {name!r} (list them with 'cgappliance profile list {tenant}')")
    return found


def of_tenant(connection: Connection, tenant: str) -> list[StoredProfile]:
    """Return a tenant's profiles by name, at most PROFILES_MAX."""
    query = select(profiles).where(profiles.c.tenant == tenant).order_by(profiles.c.name).limit(PROFILES_MAX)
    return [_stored(row) for row in connection.execute(query)]


def everything(connection: Connection) -> Iterator[StoredProfile]:
    """Yield all profiles of all tenants."""
    after = 0
    while rows := connection.execute(
        select(profiles).where(profiles.c.id > after).order_by(profiles.c.id).limit(PROFILES_MAX)
    ).all():
        yield from map(_stored, rows)
        after = rows[-1].id


def add(transaction: Transaction, tenant: str, profile: Profile, *, by: str, now: datetime) -> StoredProfile:
    """Add a profile.

    Raises:
        RecordConflict: there is one of this name.
    """
    rules = [rule_to_json(rule) for rule in profile.rules]
    values = {
        "tenant": tenant,
        "name": profile.name,
        "rules": rules,
        "version": 1,
        "created_at": now,
        "changed_at": now,
        "changed_by": by,
    }
    try:
        with transaction.connection.begin_nested():
            row = transaction.execute(insert(profiles).values(**values).returning(profiles)).one()
    except exc.IntegrityError as error:
        raise RecordConflict(f"{tenant} has a profile {profile.name!r} already") from error
    transaction.touch(tenant, Kind.PROFILE, profile.name)
    return _stored(row)


def replace(
    transaction: Transaction, before: StoredProfile, rules: Sequence[ProfileRule], *, by: str, now: datetime
) -> StoredProfile:
    """Give a profile, as it was read, other rules.

    Raises:
        RecordConflict: somebody else has changed it since.
    """
    unchanged = (profiles.c.id == before.id, profiles.c.version == before.version)
    values = {"rules": [rule_to_json(rule) for rule in rules], "version": before.version + 1, "changed_at": now, "changed_by": by}
    row = transaction.execute(update(profiles).where(*unchanged).values(**values).returning(profiles)).one_or_none()
    if row is None:
        raise RecordConflict(f"somebody else has changed the profile {before.name!r} meanwhile (look at it and try again)")
    transaction.touch(before.tenant, Kind.PROFILE, before.name)
    return _stored(row)


def remove(transaction: Transaction, before: StoredProfile) -> None:
    """Remove a profile; nobody may be using it."""
    transaction.execute(delete(profiles).where(profiles.c.id == before.id))
    transaction.touch(before.tenant, Kind.PROFILE, before.name)


def _stored(row: Row[Any]) -> StoredProfile:
    profile = make_profile(row.name, [rule_from_json(data) for data in row.rules])
    return StoredProfile(row.id, row.tenant, profile, row.version, row.created_at, row.changed_at, row.changed_by)
