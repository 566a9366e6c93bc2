from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from gevent.event import Event

from cgappliance.admin import accounts
from cgappliance.administration import AppPassword, GoogleFault, GoogleUser
from cgappliance.store.administrators import Role
from cgappliance.web.i18n import catalogue
from tests.admin.autoconfig.tables import FakeInternet
from tests.admin.fake_customer import FakeCustomer
from tests.web.site import TestSite, text_of

PAGE = "/acme/admin/bypass"
YUKI = "yuki@acme.example"


class SlowCustomer(FakeCustomer):
    """Answers when it is let."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(*addresses, sets_passwords=True)
        self.go = Event()
        self.go.set()

    def users(self) -> Iterator[Sequence[GoogleUser]]:
        self.go.wait(5)
        yield from super().users()


@pytest.fixture
def google(site: TestSite) -> Iterator[SlowCustomer]:
    accounts.create(site.desk(), site.services.tenants["acme"], YUKI)
    made = SlowCustomer(YUKI)
    site.services.google = lambda _tenant: closing(made)
    site.services.internet = FakeInternet()
    site.client.set_cookie("cg-language", "en")
    site.enter()
    yield made
    made.go.set()
    site.services.keep_tasks({})


def look(site: TestSite) -> str:
    site.post(PAGE, form=PAGE)
    task = site.services.reports.of("acme")
    assert task is not None
    assert task.greenlet is not None
    task.greenlet.join(5)
    return text_of(site.get(PAGE))


def test_the_page_is_there_before_anybody_is_asked(site: TestSite, google: SlowCustomer) -> None:
    assert "Look now" in text_of(site.get(PAGE))
    assert google.asked == []


def test_the_page_does_not_wait_for_google(site: TestSite, google: SlowCustomer) -> None:
    google.go.clear()
    site.post(PAGE, form=PAGE)
    page = site.get(PAGE)
    assert page.headers["Refresh"] == "2"
    assert "Started by hana" in text_of(page)
    assert site.get("/acme/admin/accounts").status_code == 200


def test_an_open_way_is_said_by_colour_sign_and_word_with_whom_and_what_to_do(site: TestSite, google: SlowCustomer) -> None:
    google.apps[f"id of {YUKI}"] = [AppPassword(7, "old phone", None, None)]
    text = look(site)
    assert "✕ A way round is open." in text
    assert f"{YUKI}: old phone" in text
    assert "What to do: revoke them in Google's Admin console" in text
    assert '<span class="badge refused"><span aria-hidden="true">✕</span> stands open</span>' in site.get(PAGE).text


def test_what_cannot_be_seen_says_how_to_check_it(site: TestSite, google: SlowCustomer) -> None:
    assert "How to check: Admin console: Security" in look(site)


def test_a_second_look_at_the_same_time_is_refused(site: TestSite, google: SlowCustomer) -> None:
    google.go.clear()
    site.post(PAGE, form=PAGE)
    site.post(PAGE, form="/acme/admin/profiles")
    assert "it goes on already" in text_of(site.get(PAGE))


def test_auditors_read_and_do_not_start(site: TestSite, google: SlowCustomer) -> None:
    site.enter(Role.AUDITOR)
    assert "An administrator has to start the look." in text_of(site.get(PAGE))
    assert site.post(PAGE, form="/acme/admin/profiles").status_code == 403


@pytest.mark.parametrize("fault", [None, GoogleFault.NOT_CONFIGURED, GoogleFault.FORBIDDEN])
def test_whatever_is_found_is_said_in_japanese_too(site: TestSite, google: SlowCustomer, fault: GoogleFault | None) -> None:
    google.apps[f"id of {YUKI}"] = [AppPassword(7, "old phone", None, None)]
    google.surplus = ["drive"]
    google.known["boss@acme.example"] = GoogleUser("id of boss", "boss@acme.example")
    if fault is not None:
        google.refuses["users"] = fault
    look(site)
    task = site.services.reports.of("acme")
    assert task is not None
    said = {text for one in task.result.findings for text in (one.sentence, one.remedy) if text}
    assert {text for text in said if catalogue("ja").sentence(text) == text} == set()
