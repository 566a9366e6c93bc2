"""The Google customer, against the look-alike's APIs, with their refusals and lost answers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cgappliance_google.customer import SECURITY_SCOPE, SETTINGS_SCOPE, USER_SCOPE, GoogleCustomer

from cgappliance.plugin_api import ClientGrant, GoogleFault, GoogleRefused, MailAccess, NewGoogleUser, Secret, Taken
from cgappliance.testing.gmail.directory import ClientGrant as Granted

YUKI = "yuki@contract.example"
ADMIN = "admin@contract.example"
NEW = NewGoogleUser("new@contract.example", "New", "User")
PASSWORD = Secret("a password of forty characters, just so")


@pytest.fixture
def yuki(google):
    return google.gmail.state.directory.get(YUKI)


@pytest.fixture
def failing(google):
    """The switches of the Directory API."""
    return google.gmail.state.directory_api


def fault(call: Callable[[], object]) -> GoogleFault:
    with pytest.raises(GoogleRefused) as refused:
        call()
    return refused.value.fault


def asked(google) -> list[tuple[str, str]]:
    """Return what the APIs were asked, without the path's beginning."""
    records = google.gmail.state.records.requests
    return [(record.method, record.path.split("/users/")[-1]) for record in records if record.path != "/token"]


# ---- users


def test_user_is_found_by_address(customer, yuki):
    user = customer.find(YUKI)

    assert (user.id, user.address, user.suspended, user.is_admin) == (yuki.id, YUKI, False, False)


def test_unknown_user_is_none(customer):
    assert customer.find("nobody@contract.example") is None


def test_alias_is_found_under_its_users_own_address(customer, yuki):
    yuki.aliases.append("info@contract.example")

    assert customer.find("info@contract.example").address == YUKI


def test_who_may_not_look_is_not_told_that_nobody_is_there(google, customer):
    google.gmail.state.directory.get(ADMIN).admin = False

    assert fault(lambda: customer.find("nobody@contract.example")) is GoogleFault.FORBIDDEN


def test_all_users_come_in_pages(google, customer):
    for number in range(1000):
        google.gmail.state.directory.add(f"u{number:04d}@contract.example")

    pages = [len(page) for page in customer.users()]

    assert pages == [500, 500, 3]


def test_page_that_fails_for_a_moment_is_asked_again(google, customer, failing):
    failing.fail_next = ["backend", "user_rate_limit"]

    assert {user.address for page in customer.users() for user in page} == {ADMIN, YUKI, "taro@contract.example"}


def test_without_administrator_nothing_is_asked(google, customer_of):
    assert fault(lambda: customer_of(admin="").find(YUKI)) is GoogleFault.NOT_CONFIGURED
    assert google.outcomes() == []


# ---- making users


def test_new_user_is_there_and_can_get_a_token(google, customer):
    user = customer.create(NEW)

    made = google.gmail.state.directory.get("new@contract.example")
    assert (user.id, made.given_name, made.family_name, made.change_password) == (made.id, "New", "User", False)


def test_new_users_passwords_are_all_different(google, customer):
    for name in ("a", "b"):
        customer.create(NewGoogleUser(f"{name}@contract.example", "A", "B"))

    first, second = (google.gmail.state.directory.get(f"{name}@contract.example").password.text for name in ("a", "b"))
    assert first != second


def test_user_who_is_there_already_is_refused(google, customer):
    assert fault(lambda: customer.create(NewGoogleUser(YUKI, "Yuki", "Sato"))) is GoogleFault.TAKEN


def test_lost_answer_does_not_make_a_user_twice_nor_a_mistake(google, customer, failing):
    failing.lose_reply_next = 1

    user = customer.create(NEW)

    assert user.id == google.gmail.state.directory.get("new@contract.example").id
    assert [method for method, _ in asked(google)] == ["POST", "POST", "GET"]


def test_alias_that_took_the_address_is_no_lost_answer(customer, yuki, failing):
    yuki.aliases.append("new@contract.example")
    failing.fail_next = ["backend"]

    assert fault(lambda: customer.create(NEW)) is GoogleFault.TAKEN


def test_contract_without_licences_is_told(google, customer):
    google.gmail.state.user_limit = 3

    assert fault(lambda: customer.create(NEW)) is GoogleFault.USER_LIMIT


# ---- passwords


def test_password_is_taken(customer, yuki):
    assert customer.set_password(yuki.id, PASSWORD).taken is Taken.YES
    assert yuki.password.matches(PASSWORD.reveal())


def test_password_whose_answer_was_lost_is_sent_again(customer, yuki, failing):
    failing.lose_reply_next = 3

    assert customer.set_password(yuki.id, PASSWORD).taken is Taken.YES
    assert yuki.password.matches(PASSWORD.reveal())


def test_password_whose_answers_are_all_lost_is_undecided(customer, yuki, failing):
    assert customer.set_password(yuki.id, Secret("an older password")).taken is Taken.YES
    failing.lose_reply_next = 100

    assert customer.set_password(yuki.id, PASSWORD).taken is Taken.UNKNOWN
    assert yuki.password.matches(PASSWORD.reveal())


@pytest.mark.parametrize("name", ["forbidden", "quota", "invalid"])
def test_refused_password_is_certainly_not_taken(customer, yuki, failing, name: str):
    assert customer.set_password(yuki.id, Secret("an older password")).taken is Taken.YES
    failing.fail_next = [name] * 6

    answer = customer.set_password(yuki.id, PASSWORD)

    assert answer.taken is Taken.NO
    assert not yuki.password.matches(PASSWORD.reveal())


def test_super_administrators_password_is_not_ours_to_set(customer, yuki):
    yuki.super_admin = True

    assert customer.set_password(yuki.id, PASSWORD).taken is Taken.NO


def test_api_administrators_password_is_never_touched(google, customer):
    admin = google.gmail.state.directory.get(ADMIN)

    answer = customer.set_password(admin.id, PASSWORD)

    assert (answer.taken, "never touched" in answer.detail) == (Taken.NO, True)
    assert "PUT" not in [method for method, _ in asked(google)]


def test_as_long_as_the_administrator_is_not_known_nothing_is_sent(google, customer_of, yuki):
    google.gmail.state.directory.get(ADMIN).aliases.append("api@contract.example")

    answer = customer_of(admin="api@contract.example").set_password(yuki.id, PASSWORD)  # Google acts as nobody by an alias

    assert answer.taken is Taken.NO
    assert asked(google) == []


# ---- app passwords


def test_app_passwords_are_listed_and_revoked(google, customer, yuki):
    made = google.gmail.state.directory.add_app_password(yuki, "Thunderbird")

    (listed,) = customer.app_passwords(yuki.id)
    customer.revoke_app_password(yuki.id, listed.code_id)

    assert (listed.code_id, listed.name) == (made.code_id, "Thunderbird")
    assert yuki.app_passwords == []


def test_revoking_what_is_gone_is_no_mistake(customer, yuki, failing):
    customer.revoke_app_password(yuki.id, 4711)


def test_revoking_with_a_lost_answer_ends_well(google, customer, yuki, failing):
    made = google.gmail.state.directory.add_app_password(yuki, "Thunderbird")
    failing.lose_reply_next = 1

    customer.revoke_app_password(yuki.id, made.code_id)

    assert yuki.app_passwords == []


# ---- what goes past the appliance


def test_programs_that_a_user_lets_act_are_listed(customer, yuki):
    yuki.grants.append(Granted("7.apps", "Thunderbird", ("https://mail.google.com/",)))

    assert customer.client_grants(yuki.id) == [ClientGrant("7.apps", "Thunderbird", ("https://mail.google.com/",))]


def test_scopes_that_nothing_needs_are_found(google, customer):
    drive = "https://www.googleapis.com/auth/drive"
    google.service_account.granted = {*customer.setup.scopes, drive}

    assert customer.surplus_scopes() == [drive]


def test_scopes_cannot_be_found_without_tokens(google, customer):
    google.service_account.key_deleted = True

    assert fault(customer.surplus_scopes) is GoogleFault.KEY


def test_key_is_as_old_as_google_says(google, customer):
    google.service_account.made_at = 1_700_000_000.0

    assert customer.key_made_at() == datetime.fromtimestamp(1_700_000_000, UTC)


def test_key_that_google_has_no_record_of_has_no_age(google, customer):
    google.service_account.key_deleted = True

    assert customer.key_made_at() is None


def test_record_of_keys_that_is_not_there_is_told(google, customer):
    google.service_account.deleted = True

    assert fault(customer.key_made_at) is GoogleFault.NOT_FOUND


# ---- POP and IMAP


def test_access_is_read_as_the_user_has_it(customer, yuki):
    yuki.imap_settings["enabled"] = False

    assert customer.mail_access(YUKI) == MailAccess(imap=False, pop=True, pop_disposition="leaveInInbox")


def test_what_is_off_is_switched_on_and_looked_at_again(google, customer, yuki):
    yuki.imap_settings |= {"enabled": False, "expungeBehavior": "trash"}
    yuki.pop_settings |= {"accessWindow": "disabled", "disposition": "archive"}

    assert customer.enable_mail_access(YUKI) == MailAccess(imap=True, pop=True, pop_disposition="archive")

    assert (yuki.imap_settings["enabled"], yuki.imap_settings["expungeBehavior"]) == (True, "trash")
    assert yuki.pop_settings == {"accessWindow": "allMail", "disposition": "archive"}


def test_what_is_on_is_not_written(google, customer, yuki):
    yuki.pop_settings["accessWindow"] = "fromNowOn"

    assert customer.enable_mail_access(YUKI).pop

    assert {method for method, _ in asked(google)} == {"GET"}
    assert yuki.pop_settings["accessWindow"] == "fromNowOn"


def test_only_what_is_wanted_is_switched_on(customer, yuki):
    yuki.imap_settings["enabled"] = False
    yuki.pop_settings["accessWindow"] = "disabled"

    assert customer.enable_mail_access(YUKI, imap=False) == MailAccess(imap=False, pop=True, pop_disposition="leaveInInbox")


def test_switch_that_a_policy_holds_is_seen_to_be_off_still(customer, yuki):
    yuki.imap_settings["enabled"] = False
    yuki.switches.settings_frozen = True

    assert not customer.enable_mail_access(YUKI).imap


def test_user_without_mailbox_is_told(customer, yuki):
    yuki.switches.no_mailbox = True

    assert fault(lambda: customer.mail_access(YUKI)) is GoogleFault.NO_MAILBOX


@pytest.mark.parametrize(
    ("name", "expected"), [("access_not_configured", GoogleFault.API_OFF), ("domain_policy", GoogleFault.DOMAIN_POLICY)]
)
def test_refusals_of_the_settings_api_are_told_apart(google, customer, name: str, expected: GoogleFault):
    google.gmail.state.settings_api.fail_next = [name]

    assert fault(lambda: customer.mail_access(YUKI)) is expected


# ---- what is granted


def test_granted_scopes_are_good(customer: GoogleCustomer):
    checks = customer.check_scopes(YUKI)

    assert [(check.scope, check.subject, check.fault) for check in checks] == [
        (USER_SCOPE, ADMIN, None),
        (SECURITY_SCOPE, ADMIN, None),
        (SETTINGS_SCOPE, YUKI, None),
    ]


def test_each_missing_scope_is_told_by_itself(google, customer):
    google.service_account.granted.discard(SETTINGS_SCOPE)

    assert [check.fault for check in customer.check_scopes()] == [None, None, GoogleFault.SCOPE_MISSING]


def test_unknown_user_is_not_a_missing_scope(customer):
    assert [check.fault for check in customer.check_scopes("nobody@contract.example")] == [None, None, GoogleFault.SUBJECT_UNKNOWN]


def test_deleted_key_is_told_for_all(google, customer):
    google.service_account.key_deleted = True

    assert {check.fault for check in customer.check_scopes()} == {GoogleFault.KEY}


def test_wrong_clock_is_told_and_measured(google, customer):
    google.gmail.state.token_endpoint.clock_offset_s = 7200

    assert {check.fault for check in customer.check_scopes()} == {GoogleFault.CLOCK}
    assert abs(customer.clock_offset_s()) < 5  # the look-alike's HTTP server has the right time


def test_without_administrator_its_scopes_cannot_be_checked(customer_of):
    faults = [check.fault for check in customer_of(admin="").check_scopes(YUKI)]

    assert faults == [GoogleFault.NOT_CONFIGURED, GoogleFault.NOT_CONFIGURED, None]
