from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import pytest

from cgappliance.admin import accounts
from cgappliance.administration import GoogleUser, MailAccess, PasswordAnswer, Taken
from cgappliance.secret import Secret
from cgappliance.store.administrators import Role
from tests.admin.fake_customer import SETUP, FakeCustomer
from tests.admin.trail import actions
from tests.web.site import TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
YUKI = "yuki@acme.example"
PAGE = f"/acme/admin/accounts/{YUKI}/google"


class Customer:
    """Google, as far as the pages ask it."""

    setup = SETUP

    def __init__(self) -> None:
        self.passwords: list[Secret] = []
        self.access = MailAccess(imap=False, pop=True, pop_disposition="leaveInInbox")
        self.closed = 0

    def find(self, address: str) -> GoogleUser | None:
        return GoogleUser("1", address) if address == YUKI else None

    def set_password(self, _user_id: str, password: Secret) -> PasswordAnswer:
        self.passwords.append(password)
        return PasswordAnswer(Taken.YES)

    def mail_access(self, _address: str) -> MailAccess:
        return self.access

    def enable_mail_access(self, _address: str) -> MailAccess:
        self.access = MailAccess(imap=True, pop=True, pop_disposition="leaveInInbox")
        return self.access

    def app_passwords(self, _user_id: str) -> Sequence[object]:
        return ()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def customer(site: TestSite) -> Customer:
    for address in (YUKI, "taro@acme.example"):
        accounts.create(site.desk(), site.services.tenants["acme"], address)
    made = Customer()
    site.services.google = lambda _tenant: closing(made)  # type: ignore[assignment, return-value]
    site.enter()
    return made


def test_the_page_shows_the_manuals_warnings_and_the_state_at_google(site: TestSite, customer: Customer) -> None:
    text = text_of(site.get(PAGE, headers=ENGLISH))
    assert "IMAP off" in text
    assert "POP on" in text
    assert "Google may log the user out" in text
    assert customer.closed == 1


def test_a_reset_gives_a_random_password_and_is_in_the_log(site: TestSite, customer: Customer) -> None:
    site.post(f"{PAGE}/reset", form=PAGE)
    (password,) = customer.passwords
    assert len(password.reveal()) == 40
    assert ("credential.reset.done", YUKI) in actions(site.desk())
    assert password.reveal() not in site.get("/acme/admin/audit").text


def test_help_desk_may_reset_and_not_switch_on(site: TestSite, customer: Customer) -> None:
    site.enter(Role.HELPDESK)
    assert site.post(f"{PAGE}/reset", form=PAGE).status_code == 303
    assert site.post(f"{PAGE}/mail-access", form=PAGE).status_code == 403


def test_who_is_not_at_google_has_nothing_to_reset(site: TestSite, customer: Customer) -> None:
    page = site.get(PAGE.replace("yuki", "taro"), headers=ENGLISH)
    assert "possible only for accounts that exist at Google" in text_of(page)
    assert "google/reset" not in page.text


def test_the_api_administrator_is_never_reset(site: TestSite, customer: Customer) -> None:
    choice = site.services.tenants["acme"].google
    site.set_tenant(google=type(choice)(choice.name, {"admin": YUKI}))
    assert "google/reset" not in site.get(PAGE).text
    site.post(f"{PAGE}/reset", form="/acme/admin/accounts")
    assert customer.passwords == []


def test_pop_and_imap_are_switched_on_at_google(site: TestSite, customer: Customer) -> None:
    site.post(f"{PAGE}/mail-access", form=PAGE)
    assert customer.access.imap
    assert ("account.mail_access", YUKI) in actions(site.desk())


@pytest.mark.parametrize(("known", "told"), [(True, "hanako@acme.example was added."), (False, "does not exist at Google")])
def test_who_is_added_gets_the_random_password_at_google(site: TestSite, known: bool, told: str) -> None:
    made = FakeCustomer(*(["hanako@acme.example"] if known else []), sets_passwords=True)
    site.services.google = lambda _tenant: closing(made)
    site.enter()
    form = "/acme/admin/accounts"
    answer = site.post(f"{form}/new", {"address": "hanako@acme.example"}, form=form, headers=ENGLISH)
    assert told in text_of(site.get(answer.location, headers=ENGLISH))
    assert bool(made.passwords) is known
