from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from werkzeug.test import TestResponse

from cgappliance.admin import administrators
from cgappliance.secret import Secret
from cgappliance.store import accounts
from cgappliance.store.administrators import Role
from cgappliance.store.changes import change
from tests.admin.trail import last
from tests.web.site import TestSite, text_of

PASSWORD = "a sentence that is long"
REFUSED = "You may not enter with this name, password and code."
ENGLISH = {"Accept-Language": "en"}


def hana(site: TestSite, role: Role = Role.HELPDESK) -> None:
    administrators.create(site.desk(), site.services.tenants["acme"], "hana", role, Secret(PASSWORD))


def log_in(site: TestSite, name: str = "hana", password: str = PASSWORD, **more: str) -> TestResponse:
    return site.post("/acme/admin/login", {"name": name, "password": password, **more}, headers=ENGLISH)


def test_a_local_administrator_enters_with_his_role(site: TestSite) -> None:
    hana(site)
    answer = log_in(site)
    assert (answer.status_code, answer.location) == (303, "/acme/admin/")
    assert "Help desk" in text_of(site.get("/acme/admin/", headers=ENGLISH))
    assert (last(site.desk()).action, last(site.desk()).actor, last(site.desk()).origin) == (
        "administrator.login",
        "hana",
        "127.0.0.1",
    )


@pytest.mark.parametrize(("name", "password"), [("hana", "wrong"), ("nobody", PASSWORD), ("hana", ""), ("", "")])
def test_a_refusal_says_nothing_about_the_reason(site: TestSite, name: str, password: str) -> None:
    hana(site)
    answer = log_in(site, name, password)
    assert answer.status_code == 403
    assert REFUSED in text_of(answer)
    assert site.get("/acme/admin/").status_code == 303


def test_an_administrator_of_one_tenant_does_not_enter_another(site: TestSite) -> None:
    hana(site)
    answer = site.post("/globex/admin/login", {"name": "hana", "password": PASSWORD}, form="/globex/admin/login")
    assert answer.status_code == 403


def test_the_token_changes_at_login(site: TestSite) -> None:
    hana(site)
    site.enter(subject="hana")
    before = site.client.get_cookie("__Host-cg-admin-acme")
    site.post("/acme/admin/login", {"name": "hana", "password": PASSWORD}, form="/acme/admin/profiles")
    after = site.client.get_cookie("__Host-cg-admin-acme")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    site.client.set_cookie("__Host-cg-admin-acme", before.value, secure=True, path="/")
    assert site.get("/acme/admin/").status_code == 303


def test_logging_out_ends_the_session_and_not_only_the_cookie(site: TestSite) -> None:
    site.enter()
    cookie = site.client.get_cookie("__Host-cg-admin-acme")
    site.post("/acme/admin/logout", form="/acme/admin/")
    assert cookie is not None
    site.client.set_cookie("__Host-cg-admin-acme", cookie.value, secure=True, path="/")
    assert site.get("/acme/admin/").status_code == 303


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/acme/admin/history?span=7d", "/acme/admin/history?span=7d"),
        ("https://evil.example/acme/admin/", "/acme/admin/"),
        ("//evil.example", "/acme/admin/"),
        ("/globex/admin/", "/acme/admin/"),
    ],
)
def test_behind_the_login_lies_the_page_that_was_wanted_and_no_other_site(site: TestSite, back: str, location: str) -> None:
    hana(site)
    assert log_in(site, next=back).location == location


def test_wrong_passwords_lock_like_those_of_mail(site: TestSite) -> None:
    hana(site)
    for number in range(3):
        log_in(site, password=f"guess {number}")
    assert log_in(site).status_code == 403
    site.now[0] += timedelta(hours=1)


def test_a_second_factor_is_asked_for_and_works_once(site: TestSite) -> None:
    hana(site)
    made = administrators.enrol(site.desk(), site.services.tenants["acme"], "hana", site.vault)
    code = pyotp.TOTP(made.secret.reveal()).at(site.now[0])
    assert log_in(site).status_code == 403
    assert log_in(site, code=f"{code[:3]} {code[3:]}").status_code == 303
    site.client.delete_cookie("__Host-cg-admin-acme", path="/")
    assert log_in(site, code=code).status_code == 403


def test_a_member_of_a_directory_group_enters_with_its_role(site: TestSite) -> None:
    assert log_in(site, "Yuki@acme.example", "yuki's password").status_code == 303
    assert "Administrator" in text_of(site.get("/acme/admin/", headers=ENGLISH))
    assert site.directory.binds == ["yuki@acme.example"]


def test_who_is_in_no_group_costs_the_directory_no_bind(site: TestSite) -> None:
    site.directory.passwords["jiro@acme.example"] = "x"
    assert log_in(site, "jiro@acme.example", "x").status_code == 403
    assert site.directory.binds == []


def test_the_directory_is_asked_at_every_login_to_the_site(site: TestSite) -> None:
    log_in(site, "yuki@acme.example", "yuki's password")
    site.directory.passwords["yuki@acme.example"] = "another"
    site.client.delete_cookie("__Host-cg-admin-acme", path="/")
    assert log_in(site, "yuki@acme.example", "yuki's password").status_code == 403


def test_a_directory_that_is_down_is_no_wrong_password(site: TestSite) -> None:
    site.directory.down = True
    answer = log_in(site, "yuki@acme.example", "yuki's password")
    assert answer.status_code == 503
    assert "cannot be checked at the moment" in text_of(answer)


def test_wrong_passwords_here_count_at_the_mail_side_too(site: TestSite) -> None:
    with change(site.store) as transaction:
        accounts.add(transaction, accounts.NewAccount("acme", "yuki@acme.example"), by="test", now=site.now[0])
    for number in range(3):
        log_in(site, "yuki@acme.example", f"guess {number}")
    site.enter()
    assert "yuki@acme.example" in text_of(site.get("/acme/admin/accounts?state=locked", headers=ENGLISH))


def test_a_new_password_ends_the_logins_with_the_old_one(site: TestSite) -> None:
    hana(site)
    log_in(site)
    administrators.set_password(site.desk(), site.services.tenants["acme"], "hana", Secret("another long sentence"))
    assert site.get("/acme/admin/").status_code == 303
