from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cgappliance.admin import accounts, credentials, provision
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import SINGLE_LOOKUPS, Need, Provisioned
from cgappliance.administration import AppPassword, GoogleFault, GoogleRefused, GoogleUser, PasswordAnswer, Taken
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store.accounts import GoogleState
from cgappliance.store.errors import RecordMissing
from cgappliance.store.vault import Vault
from tests.admin.fake_customer import ALL_OFF, FakeCustomer
from tests.admin.trail import actions

YUKI, TARO, API = "yuki@acme.example", "taro@acme.example", "api@acme.example"


@pytest.fixture
def acme(desk: Desk, acme: Tenant) -> Tenant:
    """With the accounts of yuki and taro."""
    tenant = replace(acme, seats=None, default_profile="office")
    for address in (YUKI, TARO):
        accounts.create(desk, tenant, address)
    return tenant


class Room:
    """Runs both steps, as a command does."""

    def __init__(self, desk: Desk, tenant: Tenant, vault: Vault) -> None:
        self.desk, self.tenant, self.vault = desk, tenant, vault

    def needs(self, google: FakeCustomer, *addresses: str, create: bool = False) -> dict[str, Need]:
        found = provision.find_needs(self.desk, self.tenant, google, addresses or None, create=create)
        return {need.address: need for need in found}

    def run(self, google: FakeCustomer, *addresses: str, create: bool = False, **options: Any) -> dict[str, Provisioned]:
        needs = list(self.needs(google, *addresses, create=create).values())
        options = {"vault": self.vault, "name_of": lambda address: (address.partition("@")[0].title(), "Sato"), **options}
        return {one.address: one for one in provision.carry_out(self.desk, self.tenant, google, needs, **options)}

    def account(self, address: str) -> accounts.Account:
        return accounts.show(self.desk, self.tenant, address).row.account

    def password(self, address: str) -> Sequence[str]:
        try:
            kept = credentials.reveal(self.desk, self.tenant, address, self.vault, "for the test")
        except RecordMissing:
            return []
        return [one.secret.reveal() for one in kept]


@pytest.fixture
def room(desk: Desk, acme: Tenant, vault: Vault) -> Room:
    return Room(desk, acme, vault)


# ---- what is needed


def test_users_who_are_there_need_nothing_and_are_noted(room: Room) -> None:
    needs = room.needs(FakeCustomer(YUKI, TARO))
    assert not any(need.anything or need.problem for need in needs.values())
    assert (room.account(YUKI).google_state, room.account(YUKI).google_id) == (GoogleState.PRESENT, f"id of {YUKI}")


def test_missing_user_is_a_problem_unless_it_may_be_made(room: Room) -> None:
    google = FakeCustomer(YUKI)
    assert room.needs(google)[TARO].problem == "does not exist at Google"
    assert room.account(TARO).google_state is GoogleState.MISSING
    need = room.needs(google, create=True)[TARO]
    assert (need.create, need.problem) == (True, "")


def test_finding_out_changes_nothing_at_google(room: Room) -> None:
    google = FakeCustomer(YUKI, sets_passwords=True, enables_mail_access=True)
    room.needs(google, create=True)
    assert (set(google.known), google.passwords, google.access) == ({YUKI}, {}, {})


def test_disabled_accounts_are_not_asked_for_unless_named(room: Room, desk: Desk) -> None:
    accounts.set_enabled(desk, room.tenant, [TARO], enabled=False)
    assert set(room.needs(FakeCustomer())) == {YUKI}
    assert set(room.needs(FakeCustomer(), TARO)) == {TARO}


def test_account_that_does_not_exist_is_told(room: Room) -> None:
    with pytest.raises(RecordMissing):
        room.needs(FakeCustomer(), "nobody@acme.example")


def test_alias_at_google_is_a_problem(room: Room) -> None:
    google = FakeCustomer(TARO)
    google.known[YUKI] = GoogleUser("id of sato", "sato@acme.example")
    need = room.needs(google, create=True)[YUKI]
    assert ("alias of sato@acme.example" in need.problem, need.anything) == (True, False)


def test_suspended_user_is_a_problem_and_noted(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    google.known[YUKI] = replace(google.known[YUKI], suspended=True)
    assert room.needs(google)[YUKI].problem == "is suspended at Google"
    assert room.account(YUKI).google_state is GoogleState.SUSPENDED


def test_many_accounts_are_looked_up_by_one_list(room: Room, desk: Desk) -> None:
    people = [f"u{number:02d}@acme.example" for number in range(SINGLE_LOOKUPS)]
    for address in people:
        accounts.create(desk, room.tenant, address)
    google = FakeCustomer(*people, YUKI)
    assert [address for address, need in room.needs(google).items() if need.problem] == [TARO]
    assert google.asked == ["users", f"find {TARO}"]  # it may be an alias


def test_planned_accounts_are_shown_with_what_they_will_need(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO, "hana@acme.example", sets_passwords=True)
    planned = dict.fromkeys(["hana@acme.example", "jiro@acme.example"], "")
    found = provision.find_needs(room.desk, room.tenant, google, [], create=True, planned=planned)
    assert [(need.address, need.create, need.set_password) for need in found] == [
        ("hana@acme.example", False, True),
        ("jiro@acme.example", True, True),
    ]


def test_account_without_mail_access_needs_no_user_unless_it_is_named(room: Room) -> None:
    room.tenant = replace(room.tenant, default_profile="")
    assert not any(need.anything or need.problem for need in room.needs(FakeCustomer(), create=True).values())
    assert room.needs(FakeCustomer(), YUKI, create=True)[YUKI].create
    planned = {"hana@acme.example": "office", "jiro@acme.example": ""}
    found = provision.find_needs(room.desk, room.tenant, FakeCustomer(), None, create=True, planned=planned)
    assert [need.address for need in found if need.create] == ["hana@acme.example"]


# ---- what is done


def test_missing_user_is_made_with_its_name(room: Room, desk: Desk) -> None:
    google = FakeCustomer(YUKI)
    done = room.run(google, create=True)
    assert (done[TARO].done, done[TARO].problem) == (["created"], "")
    assert google.names == {TARO: "Taro Sato"}
    assert room.account(TARO).google_state is GoogleState.PRESENT
    assert ("google.create", TARO) in actions(desk)


def test_password_is_set_where_the_tenant_wants_it_and_once(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    assert room.run(google)[YUKI].done == ["password set"]
    assert room.password(YUKI) == [google.passwords[f"id of {YUKI}"]]
    assert room.run(google)[YUKI].done == []


def test_new_user_gets_the_password_that_the_appliance_keeps(room: Room) -> None:
    google = FakeCustomer(sets_passwords=True)
    assert room.run(google, YUKI, create=True)[YUKI].done == ["created", "password set"]
    assert room.password(YUKI) == [google.passwords[f"id of {YUKI}"]]


def test_password_is_not_set_where_nobody_wants_it(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO)
    room.run(google)
    assert google.passwords == {}


def test_api_administrators_password_is_never_set(room: Room, desk: Desk) -> None:
    accounts.create(desk, room.tenant, API)
    google = FakeCustomer(YUKI, TARO, API, sets_passwords=True)
    assert room.run(google)[API].done == []
    assert f"id of {API}" not in google.passwords


def test_password_is_set_anew_after_a_new_address(room: Room, desk: Desk) -> None:
    room.run(FakeCustomer(YUKI, TARO, sets_passwords=True))
    accounts.rename(desk, room.tenant, YUKI, "snow@acme.example")
    google = FakeCustomer("snow@acme.example", sets_passwords=True)
    assert room.run(google, "snow@acme.example")["snow@acme.example"].done == ["password set"]


def test_undecided_password_is_finished(room: Room) -> None:
    google = FakeCustomer(YUKI, sets_passwords=True)
    google.answer = PasswordAnswer(Taken.UNKNOWN)
    assert "it is not known whether" in room.run(google, YUKI)[YUKI].problem
    google.answer = PasswordAnswer(Taken.YES)
    assert room.run(google, YUKI)[YUKI].done == ["password set"]
    assert room.password(YUKI) == [google.passwords[f"id of {YUKI}"]]


def two_step(google: FakeCustomer) -> FakeCustomer:
    google.known[YUKI] = replace(google.known[YUKI], two_step=True)
    google.apps[f"id of {YUKI}"] = [AppPassword(7, "Phone", None, None)]
    return google


def test_app_passwords_at_google_are_not_revoked_unasked(room: Room) -> None:
    google = two_step(FakeCustomer(YUKI, sets_passwords=True))
    assert "has 1 app passwords, which Google revokes" in room.run(google, YUKI)[YUKI].problem
    assert google.passwords == {}
    assert room.run(google, YUKI, revoke_app_passwords=True)[YUKI].done == ["password set"]


def test_app_password_of_the_account_is_not_revoked_unasked(room: Room, desk: Desk) -> None:
    typed = Secret("abcd efgh ijkl mnop")
    credentials.set_app_password(desk, room.tenant, YUKI, typed, vault=room.vault, verify=lambda *_: "")
    assert "logs in with an app password" in room.run(FakeCustomer(YUKI, sets_passwords=True), YUKI)[YUKI].problem


def test_mail_access_is_switched_on_the_first_time(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO, enables_mail_access=True)
    google.access[YUKI] = ALL_OFF
    assert room.run(google)[YUKI].done == ["IMAP on"]
    google.access[YUKI] = ALL_OFF  # the user's own choice from here on
    assert room.run(google)[YUKI].done == []


def test_mail_access_is_left_alone_where_the_tenant_does_not_allow_it(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO)
    google.access[YUKI] = ALL_OFF
    room.run(google)
    assert google.access[YUKI] == ALL_OFF


def test_mailbox_that_is_not_there_yet_is_looked_at_by_the_next_run(room: Room) -> None:
    google = FakeCustomer(enables_mail_access=True)
    google.refuses[f"mailbox of {YUKI}"] = GoogleFault.NO_MAILBOX
    first = room.run(google, YUKI, create=True)[YUKI]
    assert (first.done, "some minutes from now" in first.problem) == (["created"], True)
    google.refuses.clear()
    google.access[YUKI] = ALL_OFF
    assert room.run(google, YUKI)[YUKI].done == ["IMAP on"]


def test_policy_of_the_domain_is_told(room: Room) -> None:
    google = FakeCustomer(YUKI, enables_mail_access=True)
    google.access[YUKI], google.frozen = ALL_OFF, True
    assert "a policy forbids it" in room.run(google, YUKI)[YUKI].problem


def test_one_users_refusal_does_not_stop_the_others(room: Room) -> None:
    google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    google.refuses[f"id of {TARO}"] = GoogleFault.FORBIDDEN
    done = room.run(google)
    assert done[YUKI].done == ["password set"]
    assert done[TARO].problem


@pytest.mark.parametrize("fault", [GoogleFault.BUSY, GoogleFault.SCOPE_MISSING, GoogleFault.USER_LIMIT])
def test_refusal_that_all_would_meet_ends_it(room: Room, fault: GoogleFault) -> None:
    google = FakeCustomer()
    google.refuses[TARO] = fault
    google.known[YUKI] = GoogleUser(f"id of {YUKI}", YUKI)
    needs = [need for need in room.needs(FakeCustomer(), create=True).values() if need.address == TARO]
    with pytest.raises(GoogleRefused) as refused:
        list(provision.carry_out(room.desk, room.tenant, google, needs, vault=room.vault, name_of=lambda _: ("A", "B")))
    assert refused.value.fault is fault
