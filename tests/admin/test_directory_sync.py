"""From a directory to the accounts, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgappliance.admin import accounts, directory_sync
from cgappliance.admin.desk import Desk
from cgappliance.admin.directory_sync import BATCH, Done
from cgappliance.administration import DirectoryEntry, DirectoryFailed, DirectoryQuery
from cgappliance.model import Reason, Tenant
from cgappliance.store import audit, lockout
from cgappliance.store.accounts import Account, DisabledBy, ProfileSource
from cgappliance.store.errors import RecordConflict
from tests.admin.fake_directory import FakeDirectory
from tests.admin.people import entry
from tests.admin.trail import actions

SALES = "CN=Sales,DC=acme"


@pytest.fixture
def acme(acme: Tenant) -> Tenant:
    """Whose members of Sales have the profile office, all others none."""
    return replace(acme, seats=None, profile_by_group={SALES: "office"})


def sync(desk: Desk, tenant: Tenant, *entries: DirectoryEntry, confirmed: bool = False) -> list[Done]:
    return list(directory_sync.carry_out(desk, tenant, directory_sync.plan(desk, tenant, entries), confirmed=confirmed))


def listed(desk: Desk, tenant: Tenant) -> dict[str, Account]:
    return {row.account.address.partition("@")[0]: row.account for row in accounts.listing(desk, tenant, limit=1000)}


def test_directory_is_asked_for_what_chooses_profiles(acme: Tenant) -> None:
    directory = FakeDirectory(entry("yuki"), entry("taro"), entry("hana"))
    pages = list(directory_sync.read(directory, replace(acme, profile_attribute="title")))
    assert [len(page) for page in pages] == [2, 1]
    assert directory.query == DirectoryQuery((SALES,), "title")


def test_directory_that_breaks_off_is_told(acme: Tenant) -> None:
    directory = FakeDirectory(entry("yuki"))
    directory.fails = DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "gone")
    with pytest.raises(DirectoryFailed):
        list(directory_sync.read(directory, acme))


def test_a_plan_changes_nothing(desk: Desk, acme: Tenant) -> None:
    plan = directory_sync.plan(desk, acme, [entry("yuki")])
    assert [step.address for step in plan.steps] == ["yuki@acme.example"]
    assert (listed(desk, acme), actions(desk)) == ({}, [])


def test_new_people_become_accounts_with_the_profile_of_their_group(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki", groups=frozenset({SALES})), entry("taro"))
    found = listed(desk, acme)
    assert (found["yuki"].profile, found["yuki"].profile_source, found["yuki"].identity) == (
        "office",
        ProfileSource.DIRECTORY,
        "id of yuki",
    )
    assert (found["taro"].profile, found["taro"].profile_source) == ("", ProfileSource.ADMIN)


def test_second_sync_has_nothing_to_do(desk: Desk, acme: Tenant) -> None:
    people = (entry("yuki", groups=frozenset({SALES})), entry("taro", disabled=True))
    sync(desk, acme, *people)
    assert sync(desk, acme, *people) == []


def test_who_leaves_is_off_and_who_returns_is_on_as_before(desk: Desk, acme: Tenant) -> None:
    yuki = entry("yuki", groups=frozenset({SALES}))
    sync(desk, acme, yuki, entry("taro"))
    sync(desk, acme, entry("taro"))
    gone = listed(desk, acme)["yuki"]
    sync(desk, acme, yuki, entry("taro"))
    back = listed(desk, acme)["yuki"]
    assert (gone.enabled, gone.disabled_by, gone.profile) == (False, DisabledBy.SYNC, "office")
    assert (back.id, back.enabled, back.disabled_by, back.profile) == (gone.id, True, DisabledBy.NOBODY, "office")


def test_new_address_takes_the_account_along(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki"))
    before = listed(desk, acme)["yuki"]
    sync(desk, acme, entry("yuki", address="tanaka@acme.example", groups=frozenset({SALES})))
    (after,) = listed(desk, acme).values()
    assert (after.id, after.address, after.profile) == (before.id, "tanaka@acme.example", "office")


def test_audit_log_says_what_changed_and_why(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki"), entry("taro"))
    sync(desk, acme, entry("taro"))
    assert actions(desk) == [
        ("account.create", "taro@acme.example"),
        ("account.create", "yuki@acme.example"),
        ("account.disable", "yuki@acme.example"),
    ]
    last = audit.page(desk.store, audit.Filter(), limit=1)[0]
    assert (last.before, last.after) == ({"enabled": True, "disabled_by": ""}, {"enabled": False, "disabled_by": "sync"})
    assert last.reason == "sync: it is no longer in the directory"


def test_account_that_somebody_has_changed_since_is_left_to_the_next_sync(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki"), entry("taro"))
    plan = directory_sync.plan(desk, acme, [entry("taro")])
    accounts.set_enabled(desk, acme, ["yuki@acme.example"], enabled=False)
    (done,) = directory_sync.carry_out(desk, acme, plan)
    assert "somebody else has changed yuki@acme.example" in done.problem
    assert listed(desk, acme)["yuki"].disabled_by is DisabledBy.ADMIN


def test_suspicious_plan_needs_a_confirmation(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki"))
    with pytest.raises(RecordConflict, match="1 accounts would be switched off"):
        sync(desk, acme)
    assert listed(desk, acme)["yuki"].enabled
    sync(desk, acme, confirmed=True)
    assert not listed(desk, acme)["yuki"].enabled


def test_large_company_comes_in_batches(desk: Desk, acme: Tenant) -> None:
    people = [entry(f"u{number:03d}") for number in range(2 * BATCH + 1)]
    done = sync(desk, acme, *people)
    assert (len(done), {one.problem for one in done}) == (2 * BATCH + 1, {""})
    assert len(listed(desk, acme)) == 2 * BATCH + 1


def test_seats_hold_also_when_somebody_takes_the_last_one_meanwhile(desk: Desk, acme: Tenant) -> None:
    tight = replace(acme, seats=1, default_profile="office")
    plan = directory_sync.plan(desk, tight, [entry("yuki")])
    accounts.create(desk, tight, "taro@acme.example")
    with pytest.raises(Exception, match="the contract has 1 seats"):
        list(directory_sync.carry_out(desk, tight, plan))
    assert set(listed(desk, tight)) == {"taro"}


def test_renamed_account_forgets_the_wrong_passwords_of_its_old_address(desk: Desk, acme: Tenant) -> None:
    sync(desk, acme, entry("yuki"))
    sync(desk, acme, entry("yuki", address="tanaka@acme.example"))
    with desk.store.read() as connection:
        assert lockout.locked_until(connection, acme.id, ["yuki@acme.example"]) == {}
