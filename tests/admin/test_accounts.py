from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cgappliance.admin import accounts
from cgappliance.admin.desk import Desk
from cgappliance.model import Tenant
from cgappliance.policy.lockout import Limits, Result
from cgappliance.secret import Secret
from cgappliance.store import credentials
from cgappliance.store.accounts import DisabledBy, Filter
from cgappliance.store.credentials import Kind, State
from cgappliance.store.errors import LimitReached, RecordConflict, RecordInvalid, RecordMissing
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.vault import Vault
from tests.admin.conftest import NOW
from tests.admin.trail import actions, last

YUKI = "yuki@acme.example"


def give_password(desk: Desk, vault: Vault, account: accounts.Account) -> None:
    with desk.work() as work:
        kept = {"kind": Kind.MANAGED_PASSWORD, "state": State.CURRENT, "secret": Secret("x")}
        credentials.add(work.transaction, vault, account, **kept, by="test", now=NOW)


def lock(desk: Desk, address: str = YUKI) -> None:
    shared = SharedLockouts(desk.store, Limits(distinct_max=1), NOW.timestamp)
    shared.start()
    reserved = shared.reserve("acme", address, "wrong")
    shared.resolve("acme", address, reserved.bind_id, Result.WRONG)
    shared.stop(5)


def test_an_account_is_created_and_shown(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, " Yuki@ACME.example ", profile="office", identity="cn=yuki")
    details = accounts.show(desk, acme, YUKI)
    assert (details.row.account.address, details.row.profile, details.row.locked_until) == (YUKI, "office", None)
    assert (details.last_logins, details.credentials) == ([], [])
    entry = last(desk)
    assert (entry.action, entry.target, entry.before) == ("account.create", YUKI, None)
    assert entry.after is not None
    assert entry.after["identity"] == "cn=yuki"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("yuki", "no mail address"),
        ("@acme.example", "no mail address"),
        ("yu ki@acme.example", "no mail address"),
        ("雪@acme.example", "no mail address"),
        ("yuki@other.example", "'other.example' is not a domain of acme"),
        ("yuki@mail.acme.example", "not a domain"),
        ("", "no mail address"),
    ],
)
def test_an_address_that_could_never_log_in_is_refused(desk: Desk, acme: Tenant, address: str, problem: str) -> None:
    with pytest.raises(RecordInvalid, match=problem):
        accounts.create(desk, acme, address)
    assert actions(desk) == []


def test_an_unknown_profile_is_refused_with_those_that_there_are(desk: Desk, acme: Tenant) -> None:
    with pytest.raises(RecordMissing, match=r"no profile 'offic' \(it has office\)"):
        accounts.create(desk, acme, YUKI, profile="offic")


def test_no_more_accounts_with_mail_access_than_the_contract_has(desk: Desk, acme: Tenant) -> None:
    for number in range(3):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="office")
    with pytest.raises(LimitReached, match="4 accounts would have mail access, and the contract has 3 seats"):
        accounts.create(desk, acme, YUKI, profile="office")
    accounts.create(desk, acme, YUKI)  # without mail access it takes no seat
    assert accounts.count_seats(desk, acme).used == 3


def test_a_disabled_account_gives_its_seat_back_and_needs_one_to_come_back(desk: Desk, acme: Tenant) -> None:
    for number in range(3):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="office")
    accounts.set_enabled(desk, acme, ["u0@acme.example"], enabled=False)
    accounts.create(desk, acme, YUKI, profile="office")
    with pytest.raises(LimitReached):
        accounts.set_enabled(desk, acme, ["u0@acme.example"], enabled=True)


def test_a_contract_that_shrank_locks_nobody_out_of_giving_seats_back(desk: Desk, acme: Tenant) -> None:
    for number in range(3):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="office")
    smaller = replace(acme, seats=1)
    accounts.set_enabled(desk, smaller, ["u0@acme.example"], enabled=False)
    with pytest.raises(LimitReached):
        accounts.create(desk, smaller, YUKI, profile="office")


def test_the_default_profile_takes_a_seat_too(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    assert accounts.count_seats(desk, acme).used == 0
    assert accounts.count_seats(desk, replace(acme, default_profile="office")).used == 1


def test_accounts_are_switched_off_and_on_with_a_reason(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    (off,) = accounts.set_enabled(desk, acme, [YUKI], enabled=False, reason="left the company")
    assert (off.enabled, off.disabled_by) == (False, DisabledBy.ADMIN)
    assert (last(desk).before, last(desk).after, last(desk).reason) == (
        {"enabled": True, "disabled_by": ""},
        {"enabled": False, "disabled_by": "admin"},
        "left the company",
    )
    (on,) = accounts.set_enabled(desk, acme, [YUKI], enabled=True)
    assert (on.enabled, on.disabled_by) == (True, DisabledBy.NOBODY)


def test_what_changes_nothing_is_not_logged(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    accounts.set_enabled(desk, acme, [YUKI], enabled=True)
    assert actions(desk) == [("account.create", YUKI)]


def test_of_several_accounts_all_are_switched_or_none(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    with pytest.raises(RecordMissing, match=r"nobody@acme\.example"):
        accounts.set_enabled(desk, acme, [YUKI, "nobody@acme.example"], enabled=False)
    assert accounts.show(desk, acme, YUKI).row.account.enabled


def test_a_lock_is_shown_listed_and_undone(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    accounts.create(desk, acme, "ken@acme.example")
    lock(desk)
    assert accounts.show(desk, acme, YUKI).row.locked_until == NOW + timedelta(seconds=Limits().lock_s)
    assert [row.account.address for row in accounts.listing(desk, acme, Filter(locked_at=NOW))] == [YUKI]
    assert accounts.unlock(desk, acme, ["Yuki@acme.example", "ken@acme.example"]) == [YUKI]
    assert accounts.show(desk, acme, YUKI).row.locked_until is None
    assert actions(desk)[-1] == ("account.unlock", YUKI)


def test_an_address_that_is_no_account_can_be_unlocked_too(desk: Desk, acme: Tenant) -> None:
    lock(desk, "nobody@acme.example")
    assert accounts.unlock(desk, acme, ["nobody@acme.example"]) == ["nobody@acme.example"]


def test_a_renamed_account_keeps_everything_and_wants_its_google_password_set_anew(desk: Desk, acme: Tenant, vault: Vault) -> None:
    account = accounts.create(desk, acme, YUKI, profile="office")
    give_password(desk, vault, account)
    renamed = accounts.rename(desk, acme, YUKI, "Snow@acme.example")
    assert (renamed.uid, renamed.profile, renamed.reset_due) == (account.uid, "office", True)
    assert [secret.kind for secret in accounts.show(desk, acme, "snow@acme.example").credentials] == [Kind.MANAGED_PASSWORD]
    assert (last(desk).before, last(desk).after) == ({"address": YUKI}, {"address": "snow@acme.example"})


def test_without_a_managed_password_a_rename_wants_nothing(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    assert not accounts.rename(desk, acme, YUKI, "snow@acme.example").reset_due


@pytest.mark.parametrize(("new", "error"), [("snow@other.example", RecordInvalid), ("ken@acme.example", RecordConflict)])
def test_a_rename_to_where_it_cannot_go_changes_nothing(desk: Desk, acme: Tenant, new: str, error: type[Exception]) -> None:
    accounts.create(desk, acme, YUKI)
    accounts.create(desk, acme, "ken@acme.example")
    with pytest.raises(error):
        accounts.rename(desk, acme, YUKI, new)
    assert accounts.show(desk, acme, YUKI)


def test_a_deleted_account_is_gone_and_logged(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, YUKI)
    accounts.delete(desk, acme, YUKI, reason="left")
    with pytest.raises(RecordMissing):
        accounts.show(desk, acme, YUKI)
    assert (last(desk).action, last(desk).reason, last(desk).after) == ("account.delete", "left", None)


def test_a_password_that_nobody_else_knows_is_not_deleted_by_the_way(desk: Desk, acme: Tenant, vault: Vault) -> None:
    give_password(desk, vault, accounts.create(desk, acme, YUKI))
    with pytest.raises(RecordConflict, match="would be lost"):
        accounts.delete(desk, acme, YUKI)
    accounts.delete(desk, acme, YUKI, with_managed_password=True)


def test_lists_go_page_by_page(desk: Desk, acme: Tenant) -> None:
    for name in "abc":
        accounts.create(desk, acme, f"{name}@acme.example")
    first = accounts.listing(desk, acme, limit=2)
    second = accounts.listing(desk, acme, limit=2, after=first[-1].account.address)
    assert [row.account.address[0] for row in (*first, *second)] == ["a", "b", "c"]
