"""What a directory and the list of accounts would have to do to agree. Pure: ``directory_sync.py`` reads both, and acts.

Rules
    * Nothing is deleted: an account whose entry has gone is switched off, and keeps its profile, credentials and history.
    * What an administrator has switched off stays off; only what the sync switched off is switched on again.
    * An entry is known by its identity, so that a person with a new address is the same account.
    * Accounts that were never seen in the directory (an identity is what shows it) are left alone.
    * Withdrawals come first, and take effect also where there is no seat for those who come.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cgappliance.administration import DirectoryEntry
from cgappliance.model import Tenant
from cgappliance.store.accounts import Account, DisabledBy, ProfileSource

#: More accounts than this share are not switched off without a confirmation: a wrong filter looks like a company that has left.
MASS_SHARE: Final = 1 / 3
MASS_LEAST: Final = 10  #: and so few never need one


class Action(enum.StrEnum):
    """What is done to an account."""

    DISABLE = "disable"
    CHANGE = "change"
    ENABLE = "enable"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Step:
    """One account, made to agree with its entry."""

    action: Action
    address: str  #: of the account as it is now
    why: str
    values: Mapping[str, Any]  #: of the account's columns, those that change; all of them for a new one
    account: Account | None  #: None: a new one
    entry: DirectoryEntry | None  #: None: it has gone


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Something that the sync does not do, and why."""

    address: str
    why: str
    is_problem: bool  #: somebody has to do something about it


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done, withdrawals first."""

    steps: Sequence[Step]
    left_alone: Sequence[LeftAlone]
    entries: int  #: of the directory, those without an address too
    vanished: int  #: accounts that are switched off because their entry has gone
    mass_disable: bool  #: they are so many that it has to be confirmed


@dataclass(frozen=True, slots=True)
class World:
    """What is known beside the directory."""

    tenant: Tenant
    accounts: Sequence[Account]
    profiles: Collection[str]  #: all names that there are
    grants: Callable[[str], bool]  #: whether the profile of this name ("" is the default) lets in at all, and so takes a seat
    check: Callable[[str], str]  #: returns an address as it is kept; raises ValueError with what is wrong with it


def make_plan(world: World, entries: Iterable[DirectoryEntry]) -> Plan:
    """Return what makes the accounts agree with the directory's entries."""
    return _Planner(world, list(entries)).plan()


@dataclass(slots=True)
class _Planner:
    world: World
    entries: list[DirectoryEntry]
    steps: list[Step] = field(default_factory=list)
    left_alone: list[LeftAlone] = field(default_factory=list)
    named: dict[str, DirectoryEntry] = field(init=False)  #: entries by their address, as accounts have it
    addresses: dict[str, str] = field(init=False)  #: the same, identity to address
    by_identity: dict[str, Account] = field(init=False)
    by_address: dict[str, Account] = field(init=False)

    def __post_init__(self) -> None:
        self.by_identity = {account.identity: account for account in self.world.accounts if account.identity}
        self.by_address = {account.address: account for account in self.world.accounts}
        self.named = self._name()
        self.addresses = {entry.identity: address for address, entry in self.named.items()}

    def plan(self) -> Plan:
        matched: set[int] = set()
        for address, entry in self.named.items():
            account = self._account_of(address, entry)
            if account is None:
                self._add(address, entry)
            else:
                matched.add(account.id)
                self._compare(account, address, entry)
        vanished = self._vanished(matched)
        for account in vanished:
            off = {"enabled": False, "disabled_by": DisabledBy.SYNC}
            self.steps.append(Step(Action.DISABLE, account.address, "it is no longer in the directory", off, account, None))
        steps = self._with_seats()
        return Plan(steps, self.left_alone, len(self.entries), len(vanished), self._is_mass(len(vanished)))

    def _name(self) -> dict[str, DirectoryEntry]:
        """Return the entries with a good address that nobody else has, by that address."""
        found: list[tuple[str, DirectoryEntry]] = []
        for entry in self.entries:
            if not entry.address:
                self._leave("", f"{entry.identity} has no mail address", is_problem=False)
                continue
            try:
                found.append((self.world.check(entry.address), entry))
            except ValueError as error:
                self._leave(entry.address, str(error), is_problem=False)
        counts = Counter(address for address, _ in found)
        for address, count in counts.items():
            if count > 1:
                self._leave(address, f"{count} entries of the directory have this address", is_problem=True)
        return {address: entry for address, entry in found if counts[address] == 1}

    def _leave(self, address: str, why: str, *, is_problem: bool) -> None:
        self.left_alone.append(LeftAlone(address, why, is_problem))

    def _account_of(self, address: str, entry: DirectoryEntry) -> Account | None:
        known, there = self.by_identity.get(entry.identity), self.by_address.get(address)
        if there is not None and there is not known and self._moves(there):
            there = None  # somebody else's, who has another address now
        if known is not None and there is not None and known is not there:
            why = f"in the directory it is now {address}, and there is an account of that address (rename or delete one)"
            self._leave(known.address, why, is_problem=True)
            return there
        return known or there

    def _moves(self, account: Account) -> bool:
        """Return whether the account's entry has another address now."""
        return self.addresses.get(account.identity, account.address) != account.address

    def _vanished(self, matched: Collection[int]) -> list[Account]:
        """Return enabled accounts that were in the directory and are not any more; entries that were left alone are there."""
        there = {entry.identity for entry in self.entries}
        left = {left.address for left in self.left_alone}.union(*(entry.aliases for entry in self.entries))
        gone = [account for account in self.world.accounts if account.id not in matched and account.identity not in there]
        return [account for account in gone if account.identity and account.enabled and account.address not in left]

    def _compare(self, account: Account, address: str, entry: DirectoryEntry) -> None:
        values: dict[str, Any] = {}
        reasons: list[str] = []
        occupant = self.by_address.get(address)
        if account.address != address and (occupant is None or self._moves(occupant)):
            values["address"] = address
            reasons.append(f"its address is now {address}")
        if account.identity != entry.identity and self.by_identity.get(entry.identity) is None:
            values["identity"] = entry.identity
            reasons.append("its identity is new" if account.identity else "it is found in the directory")
        values |= self._profile(account, address, entry, reasons)
        action = Action.CHANGE
        if entry.disabled and account.enabled:
            values |= {"enabled": False, "disabled_by": DisabledBy.SYNC}
            reasons.append("it is switched off in the directory")
            action = Action.DISABLE
        elif not entry.disabled and not account.enabled and account.disabled_by is DisabledBy.SYNC:
            values |= {"enabled": True, "disabled_by": DisabledBy.NOBODY}
            reasons.append("it is switched on in the directory")
            action = Action.ENABLE
        if values:
            self.steps.append(Step(action, account.address, ", ".join(reasons), values, account, entry))

    def _profile(self, account: Account, address: str, entry: DirectoryEntry, reasons: list[str]) -> dict[str, Any]:
        """Return the columns of the profile that the directory chooses, if they are other ones."""
        chosen = self._chosen(address, entry)
        if chosen is None:
            return {}
        if chosen and (account.profile, account.profile_source) != (chosen, ProfileSource.DIRECTORY):
            reasons.append(f"the directory chooses the profile {chosen!r}")
            return {"profile": chosen, "profile_source": ProfileSource.DIRECTORY}
        if not chosen and account.profile_source is ProfileSource.DIRECTORY:
            reasons.append("the directory no longer chooses a profile for it")
            return {"profile": "", "profile_source": ProfileSource.ADMIN}
        return {}

    def _chosen(self, address: str, entry: DirectoryEntry) -> str | None:
        """Return the profile that the directory chooses; "": none; None: one that does not exist, which is noted."""
        by_group = self.world.tenant.profile_by_group
        chosen = next((profile for group, profile in by_group.items() if group in entry.groups), entry.attribute)
        if chosen and chosen not in self.world.profiles:
            self._leave(address, f"the directory wants the profile {chosen!r}, and there is none", is_problem=True)
            return None
        return chosen

    def _add(self, address: str, entry: DirectoryEntry) -> None:
        chosen = self._chosen(address, entry)
        if chosen is None:
            return
        values = {
            "identity": entry.identity,
            "profile": chosen,
            "profile_source": ProfileSource.DIRECTORY if chosen else ProfileSource.ADMIN,
            "enabled": not entry.disabled,
            "disabled_by": DisabledBy.SYNC if entry.disabled else DisabledBy.NOBODY,
        }
        self.steps.append(Step(Action.ADD, address, "it is new in the directory", values, None, entry))

    def _with_seats(self) -> list[Step]:
        """Return the steps, withdrawals first; of those that take a seat only as many as there are."""
        order = list(Action)
        steps = sorted(self.steps, key=lambda step: (self._seats(step), order.index(step.action), step.address))
        contracted = self.world.tenant.seats
        used = sum(account.enabled and self.world.grants(account.profile) for account in self.world.accounts)
        kept: list[Step] = []
        for step in steps:
            needed = self._seats(step)
            if contracted is not None and needed > 0 and used + needed > contracted:
                remedy = "disable others, or raise seats in the tenant file"
                self._leave(step.address, f"all {contracted} contracted seats are taken ({remedy})", is_problem=True)
                continue
            used += needed
            kept.append(step)
        return kept

    def _seats(self, step: Step) -> int:
        """Return how many more seats a step takes: -1, 0 or 1."""
        before = step.account
        enabled = step.values.get("enabled", before is not None and before.enabled)
        profile = step.values.get("profile", "" if before is None else before.profile)
        had = before is not None and before.enabled and self.world.grants(before.profile)
        return int(enabled and self.world.grants(profile)) - int(had)

    def _is_mass(self, vanished: int) -> bool:
        listed = sum(bool(account.identity) and account.enabled for account in self.world.accounts)
        return vanished > max(MASS_LEAST, listed * MASS_SHARE) or (vanished > 0 and not self.named)
