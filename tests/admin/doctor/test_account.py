from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from cgappliance.admin import accounts
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.account import look_at_account
from cgappliance.admin.doctor.findings import Finding, State
from cgappliance.administration import DirectoryFailed, GoogleFault, GoogleUser
from cgappliance.model import Reason, Tenant
from cgappliance.store.accounts import DisabledBy
from cgappliance.store.schema import account_logins
from tests.admin.conftest import NOW
from tests.admin.doctor.conftest import YUKI
from tests.admin.doctor.reading import about, kinds, told
from tests.admin.doctor.test_login import GOOD, Provider
from tests.admin.fake_customer import ALL_OFF, FakeCustomer
from tests.admin.fake_directory import FakeDirectory
from tests.admin.people import entry

HOUR = timedelta(hours=1)


class Room:
    """The doctor, with a directory and a Google that a test may change."""

    def __init__(self, desk: Desk, tenant: Tenant) -> None:
        self.desk, self.tenant = desk, tenant
        self.directory = FakeDirectory(entry("yuki"))
        self.google = FakeCustomer(YUKI)

    def look(self, address: str = YUKI) -> list[Finding]:
        all_kinds = kinds(self.directory, self.google, Provider(GOOD))
        return list(look_at_account(self.desk, all_kinds, self.tenant, address, None))

    def about(self, topic: str) -> Finding:
        return about(self.look(), topic)


@pytest.fixture
def room(desk: Desk, at_gmail: Tenant) -> Room:
    accounts.create(desk, at_gmail, YUKI, profile="office")
    return Room(desk, at_gmail)


@pytest.fixture
def unlisted(desk: Desk, at_gmail: Tenant) -> Room:
    return Room(desk, at_gmail)


def test_account_that_works_is_good_in_all_parts(room: Room) -> None:
    assert told(room.look(" Yuki@ACME.example")) == [
        ("ok", "account"),
        ("ok", "directory entry"),
        ("ok", "Google user"),
        ("ok", "POP and IMAP"),
        ("ok", "POP messages"),
        ("ok", "login at Gmail"),
    ]
    assert room.directory.closed
    assert room.google.closed


# ---- the list of accounts


def test_account_that_is_not_listed_is_told_with_what_to_do(unlisted: Room) -> None:
    finding = unlisted.about("account")
    assert finding.state is State.PROBLEM
    assert "cgappliance account create acme yuki@acme.example" in finding.remedy
    unlisted.tenant = replace(unlisted.tenant, default_profile="office")
    assert unlisted.about("account").state is State.OK


def test_address_of_another_domain_is_told(unlisted: Room) -> None:
    finding = about(unlisted.look("yuki@other.example"), "account")
    assert (finding.state, finding.manual) == (State.PROBLEM, "4.1 (1)")


@pytest.mark.parametrize(("by", "remedy"), [(DisabledBy.ADMIN, "account enable"), (DisabledBy.SYNC, "account sync")])
def test_account_that_is_off_says_who_did_it(room: Room, by: DisabledBy, remedy: str) -> None:
    with room.desk.work() as work:
        account = accounts.show(room.desk, room.tenant, YUKI).row.account
        accounts.alter(work, account, "test", enabled=False, disabled_by=by)
    finding = room.about("account")
    assert (finding.state, remedy in finding.remedy) == (State.PROBLEM, True)


def test_account_without_a_profile_is_told(room: Room, desk: Desk) -> None:
    with desk.work() as work:
        accounts.alter(work, accounts.show(desk, room.tenant, YUKI).row.account, "test", profile="")
    finding = room.about("account")
    assert (finding.sentence, finding.manual) == ("it has no profile", "2.2")


def test_account_whose_profile_is_gone_is_told(room: Room) -> None:
    room.tenant = replace(room.tenant, profiles={})
    assert room.about("account").sentence == "its profile 'office' does not exist any more"


# ---- its last logins


def note_login(room: Room, *, success_at: datetime | None, failure_at: datetime | None, reason: Reason) -> None:
    address = ipaddress.ip_address("203.0.113.7")
    account = accounts.show(room.desk, room.tenant, YUKI).row.account
    values = {"account_id": account.id, "protocol": "imap", "success_at": success_at, "success_ip": address}
    failure = {"failure_at": failure_at, "failure_ip": address, "failure_reason": reason.value}
    with room.desk.store.write() as connection:
        connection.execute(insert(account_logins), [{**values, **failure}])


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (Reason.WRONG_PASSWORD, "the port has five digits"),
        (Reason.IP_NOT_ALLOWED, "add the network"),
        (Reason.IMAP_OFF, "account mail-access --enable"),
        (Reason.WEB_LOGIN_REQUIRED, "DisplayUnlockCaptcha"),
        (Reason.UPSTREAM_TLS, "cgappliance explain"),
    ],
)
def test_failure_that_nothing_followed_is_told_with_what_to_do(room: Room, reason: Reason, remedy: str) -> None:
    note_login(room, success_at=NOW - 2 * HOUR, failure_at=NOW - HOUR, reason=reason)
    finding = room.about("last imap")
    assert finding.state is State.PROBLEM
    assert finding.sentence == f"failed, 2026-11-24 11:00:00 from 203.0.113.7: {reason.sentence}"
    assert remedy in finding.remedy


@pytest.mark.parametrize("failure_at", [None, NOW - 2 * HOUR])
def test_failure_that_a_success_followed_is_no_matter(room: Room, failure_at: datetime | None) -> None:
    note_login(room, success_at=NOW - HOUR, failure_at=failure_at, reason=Reason.WRONG_PASSWORD)
    assert room.about("last imap").sentence == "good, 2026-11-24 11:00:00 from 203.0.113.7"


# ---- directory and Google


def test_nobody_in_the_directory_is_a_problem(room: Room) -> None:
    room.directory.entries = []
    assert room.about("directory entry").state is State.PROBLEM
    room.directory.entries = [entry("yuki", disabled=True)]
    assert room.about("directory entry").remedy == "switch it on there"


@pytest.mark.parametrize(
    ("reason", "state"), [(Reason.AMBIGUOUS_ADDRESS, State.PROBLEM), (Reason.DIRECTORY_UNAVAILABLE, State.SKIPPED)]
)
def test_directory_that_cannot_say_is_not_this_accounts_fault(room: Room, reason: Reason, state: State) -> None:
    room.directory.fails = DirectoryFailed(reason, "x")
    assert room.about("directory entry").state is state


def test_user_who_is_missing_at_google_is_told(room: Room) -> None:
    room.google.known.clear()
    finding = room.about("Google user")
    assert (finding.state, finding.manual) == (State.PROBLEM, "2.1.1")
    assert "--create-google-users" in finding.remedy


def test_alias_and_suspended_user_are_told(room: Room) -> None:
    room.google.known[YUKI] = GoogleUser("1", "sato@acme.example")
    assert "is an alias of sato@acme.example" in room.about("Google user").sentence
    room.google.known[YUKI] = GoogleUser("1", YUKI, suspended=True)
    assert room.about("Google user").sentence == "suspended at Google"


def test_pop_and_imap_that_are_off_are_told(room: Room) -> None:
    room.google.access[YUKI] = ALL_OFF
    finding = room.about("POP and IMAP")
    assert (finding.state, finding.manual, finding.sentence) == (State.PROBLEM, "2.1.4", "off at Google: IMAP, POP")


def test_google_that_does_not_say_is_a_warning(room: Room) -> None:
    room.google.refuses[f"mailbox of {YUKI}"] = GoogleFault.NO_MAILBOX
    finding = room.about("POP and IMAP")
    assert (finding.state, finding.remedy) == (State.WARNING, GoogleFault.NO_MAILBOX.remedy)


def test_what_becomes_of_fetched_messages_is_said(room: Room) -> None:
    sentence = room.about("POP messages").sentence
    assert "Gmail leaves them in the inbox" in sentence
    assert "recent:ADDRESS" in sentence


def test_tenant_without_access_to_apis_says_so_and_goes_on(room: Room) -> None:
    found = list(look_at_account(room.desk, kinds(None, None, Provider(GOOD)), room.tenant, YUKI, None))
    assert told(found) == [("ok", "account"), ("skipped", "Google user"), ("ok", "login at Gmail")]
