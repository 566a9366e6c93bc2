from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from cgappliance.admin import accounts, own_app_password
from cgappliance.admin.trial import TrialFailed
from cgappliance.model import PluginChoice, Tenant
from cgappliance.secret import Secret
from cgappliance.store import audit
from tests.web.site import TestSite, text_of

YUKI, GOOD, WRONG = "yuki@acme.example", "abcd efgh ijkl mnop", "zzzz zzzz zzzz zzzz"
PAGE = "/acme/app-password"


@pytest.fixture
def inside(site: TestSite) -> TestSite:
    """The site of a tenant with app passwords, yuki logged in; Gmail takes GOOD."""
    site.set_tenant(google=PluginChoice("app-password"))
    site.services.try_password = gmail
    site.client.set_cookie("cg-language", "en")
    accounts.create(site.desk(), site.services.tenants["acme"], YUKI)
    site.enter_user(YUKI)
    return site


def gmail(_tenant: Tenant, _address: str, secret: Secret) -> str:
    return "" if secret.reveal() == GOOD.replace(" ", "") else "535 5.7.8 Username and Password not accepted"


def enter(site: TestSite, typed: str) -> TestResponse:
    return site.post(PAGE, {"app_password": typed}, form=PAGE)


def is_kept(site: TestSite, address: str = YUKI) -> bool:
    return own_app_password.kept(site.desk(), site.services.tenants["acme"], address) is not None


def test_what_gmail_takes_is_stored_with_its_blanks_stripped(inside: TestSite) -> None:
    assert "do not get in" in text_of(inside.get(PAGE))
    assert enter(inside, GOOD).status_code == 303
    text = text_of(inside.get(PAGE))
    assert "Gmail takes the app password." in text
    assert "stored since 2026-11-24 12:00" in text
    assert is_kept(inside)


def test_who_did_it_and_from_where_is_in_the_audit_log(inside: TestSite) -> None:
    enter(inside, GOOD)
    entry = next(one for one in audit.walk(inside.store, audit.Filter(action="credential.set")))
    assert (entry.actor, entry.origin, entry.target) == (YUKI, "127.0.0.1", YUKI)


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("", 400, "not an app password"),
        ("my own password", 400, "four groups of four lower case letters"),
        (WRONG, 400, "Gmail says: 535 5.7.8 Username and Password not accepted"),
    ],
)
def test_what_is_wrong_is_told_and_not_shown_again(inside: TestSite, typed: str, status: int, said: str) -> None:
    answer = enter(inside, typed)
    assert (answer.status_code, said in text_of(answer)) == (status, True)
    assert not typed or typed not in answer.text
    assert not is_kept(inside)


def test_after_too_many_refusals_the_right_one_has_to_wait_too(inside: TestSite) -> None:
    for _ in range(own_app_password.TRIES_MAX):
        enter(inside, WRONG)
    answer = enter(inside, GOOD)
    assert (answer.status_code, "try again in an hour" in text_of(answer)) == (429, True)


def test_an_outage_of_gmail_is_no_wrong_password(inside: TestSite) -> None:
    def down(_tenant: Tenant, _address: str, _secret: Secret) -> str:
        raise TrialFailed("timed out")

    inside.services.try_password = down
    answer = enter(inside, GOOD)
    assert (answer.status_code, "could not be asked at the moment" in text_of(answer)) == (503, True)


def test_it_can_be_removed(inside: TestSite) -> None:
    enter(inside, GOOD)
    inside.post(f"{PAGE}/forget", form=PAGE)
    assert "At Google it stays until you remove it there." in text_of(inside.get(PAGE))
    assert not is_kept(inside)
    inside.post(f"{PAGE}/forget", form=PAGE)
    assert "There was no app password." in text_of(inside.get(PAGE))


def test_nobody_else_is_meant_whatever_is_sent(inside: TestSite) -> None:
    accounts.create(inside.desk(), inside.services.tenants["acme"], "taro@acme.example")
    inside.post(PAGE, {"app_password": GOOD, "address": "taro@acme.example"}, form=PAGE)
    assert (is_kept(inside), is_kept(inside, "taro@acme.example")) == (True, False)


def test_who_has_no_account_is_sent_to_the_administrator(inside: TestSite) -> None:
    inside.enter_user("nobody@acme.example")
    assert "There is no account of your address." in text_of(inside.get(PAGE))
    assert inside.post(PAGE, {"app_password": GOOD}, form="/acme/password").status_code == 404


def test_the_page_is_for_those_who_are_logged_in(inside: TestSite) -> None:
    inside.client.delete_cookie("__Host-cg-user-acme")
    assert inside.get(PAGE).location.startswith("/acme/login?next=")
    assert inside.post(PAGE, {"app_password": GOOD}, form="/acme/login").status_code == 303
    assert not is_kept(inside)


def test_a_form_without_its_code_stores_nothing(inside: TestSite) -> None:
    assert inside.client.post(PAGE, base_url="https://localhost", data={"app_password": GOOD}).status_code == 403
    assert not is_kept(inside)


@pytest.mark.parametrize("path", ["/acme/password", "/acme/history", "/acme/setup", "/acme/login"])
def test_only_tenants_with_app_passwords_have_the_page(inside: TestSite, path: str) -> None:
    inside.client.delete_cookie("__Host-cg-user-acme") if path == "/acme/login" else None
    shown = path != "/acme/login"  # the login has no menu
    assert (f'href="{PAGE}"' in inside.get(path).text) is shown
    inside.set_tenant(google=PluginChoice("service-account"))
    assert f'href="{PAGE}"' not in inside.get(path).text


@pytest.mark.parametrize("method", ["get", "post"])
def test_other_tenants_answer_404(inside: TestSite, method: str) -> None:
    inside.set_tenant(google=PluginChoice("service-account"))
    answer = inside.get(PAGE) if method == "get" else inside.post(PAGE, {"app_password": GOOD}, form="/acme/password")
    assert answer.status_code == 404
