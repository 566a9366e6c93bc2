"""The contract of backends whose people can be listed (``BackendKind.directory``), for ``account sync``."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from cgappliance.administration import Directory, DirectoryEntry, DirectoryFailed, DirectoryQuery
from cgappliance.model import Outcome, Reason
from cgappliance.plugin_api import BackendKind, TenantContext
from cgappliance.secret import Secret
from cgappliance.testing.contract.backend import DirectoryUnderTest
from cgappliance.testing.contract.common import DOMAIN, INJECTIONS, Contract, situation
from cgappliance.testing.observe import left_behind, secrets_in


class PeopleContract(Contract):
    """Inherit beside ``AuthBackendContract``, whose fixture ``directory`` it uses."""

    kind: ClassVar[BackendKind]

    @pytest.fixture
    def people(self, directory: DirectoryUnderTest) -> Iterator[Directory]:
        """The people, to be read."""
        people = self.make_people(directory)
        yield people
        people.close()

    def make_people(self, directory: DirectoryUnderTest) -> Directory:
        """Return the object as the host makes it."""
        make = self.kind.directory
        assert make is not None, "the kind has no directory"
        return make(TenantContext("contract", frozenset({DOMAIN}), directory.settings))

    def everybody(self, people: Directory) -> list[DirectoryEntry]:
        """Return the whole list."""
        return [entry for page in people.pages(DirectoryQuery()) for entry in page]

    def test_everybody_who_can_log_in_is_listed_once(self, people: Directory, directory: DirectoryUnderTest) -> None:
        addresses = [entry.address.lower() for entry in self.everybody(people)]
        for account in directory.accounts:
            assert addresses.count(account.address) == 1, account.address

    def test_switched_off_entries_are_listed_as_such(self, people: Directory, directory: DirectoryUnderTest) -> None:
        disabled = {entry.address.lower() for entry in self.everybody(people) if entry.disabled}
        assert not disabled & {account.address for account in directory.accounts}
        if Reason.DISABLED in directory.refused:
            assert directory.refused[Reason.DISABLED].address in disabled

    def test_identity_is_everybodys_own_and_stays(self, people: Directory) -> None:
        first, second = self.everybody(people), self.everybody(people)
        assert all(entry.identity for entry in first)
        assert len({entry.identity for entry in first}) == len(first)
        assert {entry.identity for entry in first} == {entry.identity for entry in second}

    def test_entry_is_found_by_its_address_as_it_is_listed(self, people: Directory, directory: DirectoryUnderTest) -> None:
        address = directory.accounts[0].address
        (listed,) = (entry for entry in self.everybody(people) if entry.address.lower() == address)
        assert people.find(address) == listed

    def test_address_is_never_a_pattern(self, people: Directory) -> None:
        assert [address for address in INJECTIONS if people.find(address) is not None] == []

    def test_every_server_is_good_when_it_is(self, people: Directory) -> None:
        checks = people.check()
        assert checks
        assert [check for check in checks if check.reason is not Reason.ACCEPTED] == []

    def test_outage_is_told_and_passes(self, people: Directory, directory: DirectoryUnderTest) -> None:
        with situation(directory.outage, "be down"):
            with pytest.raises(DirectoryFailed) as failed:
                self.everybody(people)
            assert failed.value.reason.outcome is Outcome.UNAVAILABLE
            assert {check.reason.outcome for check in people.check()} == {Outcome.UNAVAILABLE}
        assert self.everybody(people)

    def test_close_leaves_nothing_behind(self, directory: DirectoryUnderTest) -> None:
        def life() -> None:
            people = self.make_people(directory)
            self.everybody(people)
            people.close()

        assert left_behind(life) == []

    def test_list_that_is_broken_off_leaves_nothing_behind(self, directory: DirectoryUnderTest) -> None:
        def life() -> None:
            people = self.make_people(directory)
            next(iter(people.pages(DirectoryQuery())))
            people.close()

        assert left_behind(life) == []

    def test_secrets_do_not_show(self, people: Directory, directory: DirectoryUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
        told = repr(self.everybody(people)) + repr(people.check()) + repr(people) + "".join(capfd.readouterr())
        own = [value for value in directory.settings.values() if isinstance(value, Secret)]
        assert secrets_in(told, *own, *(Secret(account.password) for account in directory.accounts)) == []
