from __future__ import annotations

import pytest

from cgappliance.admin import accounts, credentials
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.findings import Finding, State
from cgappliance.admin.doctor.google import look_at_google
from cgappliance.administration import GoogleFault, GoogleUser, PasswordAnswer, Taken
from cgappliance.model import Tenant
from cgappliance.store.accounts import GoogleState
from cgappliance.store.vault import Vault
from tests.admin.doctor.reading import about, kinds, told
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_google import FakeGoogle

YUKI, API = "yuki@acme.example", "api@acme.example"


@pytest.fixture
def google() -> FakeCustomer:
    customer = FakeCustomer(YUKI, API)
    customer.known[API] = GoogleUser("id of api", API, is_admin=True)
    return customer


def look(desk: Desk, acme: Tenant, google: FakeCustomer, address: str | None = None) -> list[Finding]:
    return list(look_at_google(desk, kinds(google=google), acme, address))


def delegation(desk: Desk, acme: Tenant, google: FakeCustomer) -> list[Finding]:
    return [finding for finding in look(desk, acme, google) if finding.topic == "delegation"]


def test_good_customer_shows_what_is_granted(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    findings = look(desk, acme, google)
    assert told(findings) == [("ok", "delegation"), ("ok", "clock"), ("ok", "Directory API"), ("ok", "Gmail API")]
    assert about(findings, "delegation").details == {"client_id": "1234", "scopes": "mail,users"}
    assert google.closed


def test_tenant_without_access_to_apis_is_no_fault(desk: Desk, acme: Tenant) -> None:
    assert told(look_at_google(desk, kinds(), acme, None)) == [("skipped", "Google")]


def test_delegation_that_is_missing_is_one_finding_with_what_to_paste(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.missing_scopes = dict.fromkeys(google.setup.scopes, GoogleFault.SCOPE_MISSING)
    (finding,) = delegation(desk, acme, google)
    assert finding.state is State.PROBLEM
    assert finding.sentence == GoogleFault.SCOPE_MISSING.sentence
    assert finding.remedy.endswith("client id: 1234; scopes: mail,users")


def test_one_missing_scope_is_named_with_what_it_is_for(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.missing_scopes = {"users": GoogleFault.SCOPE_MISSING}
    (finding,) = delegation(desk, acme, google)
    assert finding.sentence.startswith("users (for users): ")


@pytest.mark.parametrize("fault", [GoogleFault.KEY, GoogleFault.CLOCK, GoogleFault.UNREACHABLE])
def test_cause_of_all_is_told_once_with_its_remedy(desk: Desk, acme: Tenant, google: FakeCustomer, fault: GoogleFault) -> None:
    google.missing_scopes = dict.fromkeys(google.setup.scopes, fault)
    (finding,) = delegation(desk, acme, google)
    assert (finding.sentence, finding.remedy) == (fault.sentence, fault.remedy)


def test_apis_are_not_asked_without_a_token(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.missing_scopes = {"users": GoogleFault.SCOPE_MISSING}
    look(desk, acme, google)
    assert google.asked == []


@pytest.mark.parametrize(
    ("scope", "setup", "state"),
    [
        ("https://mail.google.com/", {}, State.PROBLEM),
        ("https://www.googleapis.com/auth/admin.directory.user", {}, State.WARNING),
        ("https://www.googleapis.com/auth/admin.directory.user", {"sets_passwords": True}, State.PROBLEM),
        ("https://www.googleapis.com/auth/gmail.settings.basic", {}, State.WARNING),
        ("https://www.googleapis.com/auth/gmail.settings.basic", {"enables_mail_access": True}, State.PROBLEM),
    ],
)
def test_scope_that_nobody_needs_here_is_a_warning(
    desk: Desk, acme: Tenant, scope: str, setup: dict[str, bool], state: State
) -> None:
    google = FakeCustomer(**setup)
    google._setup = type(google.setup)(API, "1234", (scope, "other"), google.setup.sets_passwords, google.setup.enables_mail_access)
    google.missing_scopes = {scope: GoogleFault.SCOPE_MISSING}
    (finding,) = delegation(desk, acme, google)
    assert finding.state is state


@pytest.mark.parametrize(
    ("offset_s", "state"),
    [(0.4, "ok"), (-29.0, "ok"), (31.0, "warning"), (-239.0, "warning"), (240.0, "problem"), (-3600.0, "problem")],
)
def test_clock_is_told_before_google_refuses(desk: Desk, acme: Tenant, google: FakeCustomer, offset_s: float, state: str) -> None:
    google.offset_s = offset_s
    finding = about(look(desk, acme, google), "clock")
    assert finding.state.value == state
    assert state == "ok" or f"{abs(offset_s):.0f} s {'ahead of' if offset_s > 0 else 'behind'}" in finding.sentence


def test_clock_of_a_google_that_did_not_answer_is_not_told(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.offset_s = None
    assert "clock" not in [finding.topic for finding in look(desk, acme, google)]


@pytest.mark.parametrize("fault", [GoogleFault.API_OFF, GoogleFault.FORBIDDEN])
def test_directory_api_that_refuses_is_told_with_its_remedy(
    desk: Desk, acme: Tenant, google: FakeCustomer, fault: GoogleFault
) -> None:
    google.refuses[API] = fault
    finding = about(look(desk, acme, google), "Directory API")
    assert (finding.state, finding.remedy) == (State.WARNING, fault.remedy)


def test_administrator_who_is_none_is_told(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.known[API] = GoogleUser("id of api", API)
    assert "no administrator's role" in about(look(desk, acme, google), "Directory API").sentence
    google.known[API] = GoogleUser("id of api", "sato@acme.example", is_admin=True)
    assert "is no user of this Google customer" in about(look(desk, acme, google), "Directory API").sentence


def test_gmail_api_that_is_off_is_told(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.refuses[f"mailbox of {YUKI}"] = GoogleFault.API_OFF
    finding = about(look(desk, acme, google, YUKI), "Gmail API")
    assert (finding.state, finding.remedy) == (State.WARNING, GoogleFault.API_OFF.remedy)


def test_administrator_without_a_mailbox_is_no_fault(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    google.refuses[f"mailbox of {API}"] = GoogleFault.NO_MAILBOX
    assert about(look(desk, acme, google), "Gmail API").state is State.OK


def test_locked_passwords_come_with_what_they_cost(desk: Desk, acme: Tenant) -> None:
    google = FakeCustomer(API, sets_passwords=True)
    assert "app passwords loses them" in about(look(desk, acme, google), "Google passwords").sentence


def test_undecided_and_due_resets_are_told(desk: Desk, acme: Tenant, google: FakeCustomer, vault: Vault) -> None:
    accounts.create(desk, acme, YUKI)
    lost = FakeGoogle(YUKI)
    lost.answer = PasswordAnswer(Taken.UNKNOWN)
    with pytest.raises(credentials.ResetUndecided):
        credentials.reset(desk, acme, YUKI, vault, lost)
    accounts.rename(desk, acme, YUKI, "snow@acme.example")
    undecided, due = (finding for finding in look(desk, acme, google) if finding.topic == "resets")
    assert (undecided.state, due.state, due.manual) == (State.WARNING, State.PROBLEM, "3.5")
    assert "snow@acme.example" in undecided.sentence


def test_users_missing_at_google_are_told_some_by_name(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    for number in range(7):
        account = accounts.create(desk, acme, f"u{number}@acme.example")
        with desk.work() as work:
            accounts.alter(work, account, "test", google_state=GoogleState.MISSING)
    finding = about(look(desk, acme, google), "Google users")
    assert finding.sentence.endswith("u4@acme.example and 2 more: no user at Google")
