from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Any

import pytest

from cgappliance.model import AuthAnswer, Credentials, PluginChoice, Reason
from cgappliance.password_change import PasswordFault, PasswordNotChanged, PasswordRules
from cgappliance.plugin_api import BackendKind, TenantContext
from cgappliance.plugins import Kinds
from cgappliance.secret import Secret
from cgappliance.store import accounts, audit, web_sessions
from cgappliance.store.changes import change
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.web_sessions import NewSession, Site, Source
from tests.store.records import record
from tests.web.site import NOW, TestSite, text_of

YUKI, OLD, NEW = "yuki@acme.example", "yuki's password", "correct horse battery"
CHANGE = {"address": YUKI, "old": OLD, "new": NEW, "again": NEW, "action": "change"}


class People:
    """A directory whose people change their passwords; who is in ``state`` is refused although the password is right."""

    def __init__(self) -> None:
        self.passwords = {YUKI: OLD, "taro@acme.example": "taro's password"}
        self.state: dict[str, Reason] = {}
        self.fault: PasswordFault | None = None
        self.rules_ = PasswordRules(min_length=8, classes=3, history=5, min_age_s=86_400)

    def make(self, _context: TenantContext) -> People:
        return self

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        if self.passwords.get(credentials.address) != credentials.password.reveal():
            return AuthAnswer(Reason.WRONG_PASSWORD)
        return AuthAnswer(self.state.get(credentials.address, Reason.ACCEPTED))

    def change(self, address: str, old: Secret, new: Secret, timeout_s: float) -> None:
        assert self.passwords[address] == old.reveal()
        if self.fault is not None:
            raise PasswordNotChanged(self.fault, "the directory's words")
        self.passwords[address] = new.reveal()
        self.state.pop(address, None)

    def rules(self, address: str, timeout_s: float) -> PasswordRules:
        return self.rules_


@pytest.fixture
def people(site: TestSite) -> People:
    found = People()
    site.services.own._kinds = Kinds({"people": BackendKind("people", found.make, passwords=found.make)})
    site.set_tenant(auth=PluginChoice("people"))
    site.client.set_cookie("cg-language", "en")
    return found


@pytest.fixture
def inside(site: TestSite, people: People) -> TestSite:
    """The site, yuki logged in to her pages."""
    assert log_in(site, OLD).status_code == 303
    return site


def log_in(site: TestSite, password: str, address: str = YUKI, **data: str) -> Any:
    return site.post("/acme/login", {"address": address, "password": password, **data}, form="/acme/login")


def post_change(site: TestSite, **changes: str) -> Any:
    return site.post("/acme/password", {**CHANGE, **changes}, form="/acme/password")


# ---- the login


def test_the_right_password_lets_in_and_goes_to_the_password_page(site: TestSite, people: People):
    answer = log_in(site, OLD)
    assert (answer.status_code, answer.location) == (303, "/acme/password")
    assert YUKI in site.get("/acme/password").text


@pytest.mark.parametrize(
    ("address", "password"),
    [(YUKI, "wrong"), ("nobody@acme.example", OLD), ("yuki@globex.example", OLD), ("yuki", OLD), (YUKI, ""), (YUKI, "nul\0")],
)
def test_every_refusal_looks_the_same(site: TestSite, people: People, address: str, password: str):
    answer = log_in(site, password, address)
    assert answer.status_code == 403
    assert "Address and password do not fit, or you may not use this page at the moment." in text_of(answer)
    assert "Set-Cookie" not in answer.headers or "cg-user" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("reason", [Reason.LOCKED, Reason.DISABLED, Reason.NOT_IN_GROUP, Reason.ACCOUNT_EXPIRED])
def test_a_state_of_the_account_is_not_told(site: TestSite, people: People, reason: Reason):
    people.state[YUKI] = reason
    assert "do not fit" in text_of(log_in(site, OLD))


def test_an_account_that_the_appliance_has_disabled_may_not_enter(site: TestSite, people: People):
    with change(site.store) as transaction:
        accounts.add(transaction, accounts.NewAccount("acme", YUKI, enabled=False), by="test", now=NOW)
    assert log_in(site, OLD).status_code == 403


def test_an_outage_is_no_wrong_password(site: TestSite, people: People):
    people.state[YUKI] = Reason.DIRECTORY_UNAVAILABLE
    answer = log_in(site, OLD)
    assert (answer.status_code, "cannot be checked at the moment" in text_of(answer)) == (503, True)


def test_wrong_passwords_lock_as_those_of_mail_do(site: TestSite, people: People):
    for number in range(3):
        log_in(site, f"wrong {number}")
    assert log_in(site, OLD).status_code == 403


@pytest.mark.parametrize("reason", [Reason.PASSWORD_MUST_CHANGE, Reason.PASSWORD_EXPIRED])
def test_who_must_change_comes_to_the_page_for_it(site: TestSite, people: People, reason: Reason):
    people.state[YUKI] = reason
    answer = log_in(site, OLD)
    assert "has to be changed before you can go on" in text_of(answer)
    assert f'value="{YUKI}"' in answer.text
    assert post_change(site).status_code == 303
    assert people.passwords[YUKI] == NEW


def test_who_must_change_sees_the_rules_from_the_first_page_on(site: TestSite, people: People):
    people.state[YUKI] = Reason.PASSWORD_MUST_CHANGE
    assert "At least 8 characters." in text_of(log_in(site, OLD, f" {YUKI.upper()}"))
    people.fault = PasswordFault.TOO_SIMPLE
    assert "At least 8 characters." in text_of(post_change(site))


@pytest.mark.parametrize("typed", [{"old": "wrong"}, {"new": OLD, "again": OLD}, {"action": "assess"}, {"again": "another"}])
def test_strangers_are_not_told_the_rules(site: TestSite, people: People, typed: dict[str, str]):
    assert "At least 8 characters." not in text_of(post_change(site, **typed))


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/acme/admin/", "/globex/password"])
def test_nobody_is_sent_elsewhere_after_the_login(site: TestSite, people: People, target: str):
    assert log_in(site, OLD, next=target).location == "/acme/password"


def test_the_page_that_was_wanted_comes_after_the_login(site: TestSite, people: People):
    assert "/acme/login?next=" in site.get("/acme/history").location
    assert log_in(site, OLD, next="/acme/history").location == "/acme/history"


def test_logging_out_ends_the_session(inside: TestSite):
    assert inside.post("/acme/logout", form="/acme/password").location == "/acme/login"
    assert inside.get("/acme/history").status_code == 303


def test_the_login_of_one_tenant_is_none_of_another(inside: TestSite):
    assert inside.get("/globex/history").location == "/globex/login?next=/globex/history"
    assert inside.get("/acme/admin/").status_code == 303


# ---- the change


def test_a_changed_password_counts_and_the_page_says_what_is_next(inside: TestSite, people: People):
    answer = post_change(inside)
    assert (answer.status_code, people.passwords[YUKI]) == (303, NEW)
    said = text_of(inside.get(answer.location))
    for words in ("counts from now on", "at Google is unchanged", "Thunderbird", "Outlook", "Apple Mail", "iPhone", "Android"):
        assert words in said


def test_a_change_is_in_the_audit_log_without_a_password(inside: TestSite, people: People):
    post_change(inside)
    entry = audit.page(inside.store, audit.Filter("acme", action="account.password_changed"))[0]
    assert (entry.actor, entry.target, entry.before, entry.after) == (YUKI, YUKI, None, None)


def test_a_change_ends_all_other_logins_of_the_user(inside: TestSite, people: People):
    new = NewSession("acme", Site.USER, YUKI, Source.DIRECTORY, "", ipaddress.ip_address("203.0.113.9"))
    with inside.store.write() as connection:
        other = web_sessions.begin(connection, new, NOW)
    post_change(inside)
    with inside.store.read() as connection:
        assert web_sessions.find(connection, other, inside.services.lifetime, NOW + timedelta(seconds=1)) is None


def test_the_new_password_works_although_it_was_refused_before(inside: TestSite, people: People):
    log_in(inside, NEW)
    post_change(inside)
    inside.post("/acme/logout", form="/acme/password")
    inside.services.own._guard._memory._feed.look()
    assert log_in(inside, NEW).status_code == 303


def test_a_wrong_present_password_changes_nothing(inside: TestSite, people: People):
    answer = post_change(inside, old="wrong")
    assert (answer.status_code, people.passwords[YUKI]) == (403, OLD)


def test_whoever_is_logged_in_changes_his_own_password_alone(inside: TestSite, people: People):
    post_change(inside, address="taro@acme.example", old="taro's password")
    assert people.passwords["taro@acme.example"] == "taro's password"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"again": "other"}, "not the same"),
        ({"new": "", "again": ""}, "too short"),
        ({"new": OLD, "again": OLD}, "used this password before"),
        ({"new": "a\tb", "again": "a\tb"}, "does not accept this password"),
        ({"new": "x" * 257, "again": "x" * 257}, "does not accept this password"),
    ],
)
def test_what_could_not_work_is_refused_before_the_directory_is_asked(
    inside: TestSite, people: People, changes: dict[str, str], words: str
):
    answer = post_change(inside, **changes)
    assert (answer.status_code, words in text_of(answer), people.passwords[YUKI]) == (400, True, OLD)


@pytest.mark.parametrize("fault", list(PasswordFault), ids=lambda fault: fault.value)
def test_each_refusal_of_the_directory_is_explained(inside: TestSite, people: People, fault: PasswordFault):
    people.fault = fault
    answer = post_change(inside)
    assert answer.status_code == (503 if fault in {PasswordFault.UNAVAILABLE, PasswordFault.UNCERTAIN} else 400)
    assert 'class="notice error"' in answer.text
    assert "the directory's words" not in answer.text


def test_no_password_is_ever_sent_back(inside: TestSite, people: People):
    people.fault = PasswordFault.TOO_SIMPLE
    page = post_change(inside).text
    assert NEW not in page
    assert OLD not in page


@pytest.mark.parametrize(("new", "words"), [("acme2026", "weak"), (NEW, "strong")])
def test_the_meter_works_without_a_script(inside: TestSite, people: People, new: str, words: str):
    page = post_change(inside, new=new, action="assess", again="")
    assert words in text_of(page)
    assert re.search(r'<meter [^>]*value="[0-4]"', page.text)
    assert people.passwords[YUKI] == OLD


def test_the_rules_are_shown_to_who_is_logged_in_alone(site: TestSite, people: People):
    assert "At least 8 characters." not in text_of(site.get("/acme/password"))
    log_in(site, OLD)
    said = text_of(site.get("/acme/password"))
    assert "At least 8 characters." in said
    assert "None of your last 5 passwords." in said


def test_a_directory_that_cannot_change_passwords_says_so(site: TestSite):
    site.client.set_cookie("cg-language", "en")
    assert "cannot be changed here" in text_of(site.get("/acme/password"))


# ---- history and set-up


def test_the_history_is_ones_own(inside: TestSite):
    writer = HistoryWriter(inside.store, node="n", incarnation="i", now=lambda: NOW)
    writer.start()
    for address in (YUKI, "taro@acme.example"):
        writer.login(record(address=address, client=f"client of {address}"))
    writer.stop(5)
    said = text_of(inside.get("/acme/history"))
    assert f"client of {YUKI}" in said
    assert "taro@" not in said


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("path", ["/acme/login", "/acme/password", "/acme/password/changed", "/acme/history", "/acme/setup"])
def test_every_page_is_there_in_both_languages(inside: TestSite, path: str, language: str):
    inside.client.set_cookie("cg-language", language)
    answer = inside.get(path)
    assert answer.status_code == (303 if path == "/acme/login" else 200)
    assert path == "/acme/login" or f'<html lang="{language}">' in answer.text
