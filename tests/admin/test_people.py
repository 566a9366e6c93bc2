"""People of a managed directory together with their accounts: one does not change without the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgappliance.admin import accounts, people
from cgappliance.admin.desk import Desk
from cgappliance.administration import DirectoryFailed, NewPerson
from cgappliance.model import Reason, Tenant
from cgappliance.secret import Secret
from cgappliance.store import credentials
from cgappliance.store.credentials import Kind, State
from cgappliance.store.errors import LimitReached, RecordConflict, RecordInvalid, RecordMissing, StoreError
from cgappliance.store.vault import Vault
from tests.admin.conftest import NOW
from tests.admin.fake_directory import FakeDirectory
from tests.admin.people import entry
from tests.admin.trail import actions

YUKI = "yuki@acme.example"
PERSON = NewPerson(" Yuki@ACME.example", "Yuki", "Sato")
PASSWORD = Secret("initial password")


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def yuki(desk: Desk, acme: Tenant, directory: FakeDirectory) -> accounts.Account:
    return people.create(desk, acme, directory, PERSON, PASSWORD, profile="office")


def enabled(desk: Desk, acme: Tenant, address: str = YUKI) -> bool:
    return accounts.show(desk, acme, address).row.account.enabled


def break_off(directory: FakeDirectory) -> None:
    directory.fails = DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "gone")


def test_a_person_is_made_on_both_sides(desk: Desk, acme: Tenant, directory: FakeDirectory, yuki: accounts.Account) -> None:
    assert (yuki.address, yuki.profile, yuki.identity) == (YUKI, "office", f"id of {YUKI}")
    assert directory.passwords == {YUKI: PASSWORD.reveal()}
    assert actions(desk) == [("directory.create", YUKI), ("account.create", YUKI)]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"address": "yuki@other.example"}, RecordInvalid),
        ({"profile": "nonsense"}, RecordMissing),
        ({"seats": 0}, LimitReached),
        ({"twice": True}, RecordConflict),
    ],
)
def test_what_would_fail_here_is_not_made_in_the_directory(
    desk: Desk, acme: Tenant, directory: FakeDirectory, changes: dict, error: type[StoreError]
) -> None:
    if "twice" in changes:
        accounts.create(desk, acme, YUKI)
    tenant = replace(acme, seats=changes.get("seats", 3))
    person = replace(PERSON, address=changes.get("address", YUKI))
    with pytest.raises(error):
        people.create(desk, tenant, directory, person, PASSWORD, profile=changes.get("profile", "office"))
    assert (directory.entries, directory.asked) == ([], [])


def test_what_fails_in_the_directory_is_not_made_here(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    directory.entries = [entry("yuki")]
    with pytest.raises(DirectoryFailed):
        people.create(desk, acme, directory, PERSON, PASSWORD)
    assert (accounts.listing(desk, acme), actions(desk)) == ([], [])


def test_what_fails_here_behind_the_directory_is_taken_back_there(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    class Slow(FakeDirectory):
        def create(self, person: NewPerson, password: Secret):
            accounts.create(desk, acme, YUKI)  # somebody else, just now
            return super().create(person, password)

    slow = Slow()
    with pytest.raises(RecordConflict):
        people.create(desk, acme, slow, PERSON, PASSWORD)
    assert slow.entries == []


@pytest.mark.usefixtures("yuki")
def test_people_are_switched_on_both_sides(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    people.set_enabled(desk, acme, directory, [YUKI.upper()], enabled=False, reason="holiday")
    assert (enabled(desk, acme), directory.entries[0].disabled) == (False, True)
    people.set_enabled(desk, acme, directory, [YUKI], enabled=True)
    assert (enabled(desk, acme), directory.entries[0].disabled) == (True, False)
    assert [action for action, _ in actions(desk)[2:]] == [
        "account.disable",
        "directory.disable",
        "directory.enable",
        "account.enable",
    ]


@pytest.mark.usefixtures("yuki")
def test_who_is_switched_off_is_out_although_the_directory_fails(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    break_off(directory)
    with pytest.raises(DirectoryFailed):
        people.set_enabled(desk, acme, directory, [YUKI], enabled=False)
    assert not enabled(desk, acme)


@pytest.mark.usefixtures("yuki")
def test_who_cannot_be_switched_on_in_the_directory_stays_off_here(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    people.set_enabled(desk, acme, directory, [YUKI], enabled=False)
    break_off(directory)
    with pytest.raises(DirectoryFailed):
        people.set_enabled(desk, acme, directory, [YUKI], enabled=True)
    assert not enabled(desk, acme)


@pytest.mark.usefixtures("yuki")
def test_without_a_seat_nobody_is_switched_on_in_the_directory(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    people.set_enabled(desk, acme, directory, [YUKI], enabled=False)
    with pytest.raises(LimitReached):
        people.set_enabled(desk, replace(acme, seats=0), directory, [YUKI], enabled=True)
    assert directory.entries[0].disabled


@pytest.mark.usefixtures("yuki")
def test_a_person_is_removed_on_both_sides(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    people.delete(desk, acme, directory, YUKI, reason="left")
    assert (directory.entries, accounts.listing(desk, acme)) == ([], [])
    assert [action for action, _ in actions(desk)[2:]] == ["directory.delete", "account.delete"]


def test_what_may_not_be_deleted_here_stays_in_the_directory(
    desk: Desk, acme: Tenant, directory: FakeDirectory, yuki: accounts.Account, vault: Vault
) -> None:
    with desk.work() as work:
        kept = {"kind": Kind.MANAGED_PASSWORD, "state": State.CURRENT, "secret": Secret("x")}
        credentials.add(work.transaction, vault, yuki, **kept, by="test", now=NOW)
    with pytest.raises(RecordConflict, match="--with-managed-password"):
        people.delete(desk, acme, directory, YUKI)
    assert len(directory.entries) == 1
    people.delete(desk, acme, directory, YUKI, with_managed_password=True)
    assert directory.entries == []


@pytest.mark.usefixtures("yuki")
def test_account_stays_when_the_directory_does_not_let_go(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    break_off(directory)
    with pytest.raises(DirectoryFailed):
        people.delete(desk, acme, directory, YUKI)
    assert enabled(desk, acme)


@pytest.mark.usefixtures("yuki")
def test_another_password_is_set_and_logged_without_it(desk: Desk, acme: Tenant, directory: FakeDirectory) -> None:
    people.set_password(desk, acme, directory, YUKI, Secret("another one"))
    assert directory.passwords == {YUKI: "another one"}
    assert actions(desk)[-1] == ("directory.password", YUKI)


def test_initial_passwords_are_random_readable_and_satisfy_usual_policies() -> None:
    made = {people.initial_password().reveal() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == 19
        assert any(map(str.isupper, password))
        assert any(map(str.islower, password))
        assert any(map(str.isdigit, password))
        assert not set(password) & set("0O1lI")
