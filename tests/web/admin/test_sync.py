from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest
from gevent.event import Event

from cgappliance.admin import accounts
from cgappliance.administration import DirectoryEntry, DirectoryFailed, DirectoryQuery, GoogleUser
from cgappliance.model import Reason
from cgappliance.plugin_api import BackendKind
from cgappliance.plugins import Kinds
from cgappliance.store.administrators import Role
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_directory import FakeDirectory
from tests.admin.people import entry
from tests.admin.trail import actions, last
from tests.web.site import TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
PAGE = "/acme/admin/sync"


class SlowDirectory(FakeDirectory):
    """Reads when it is let."""

    def __init__(self, *entries: DirectoryEntry) -> None:
        super().__init__(*entries)
        self.go = Event()
        self.go.set()

    def pages(self, query: DirectoryQuery) -> Iterator[Sequence[DirectoryEntry]]:
        for page in super().pages(query):
            yield page
            self.go.wait(5)


class Company:
    """The site of a tenant with yuki and taro in its directory."""

    def __init__(self, site: TestSite) -> None:
        self.site = site
        self.directory, self.google = SlowDirectory(entry("yuki"), entry("taro")), FakeCustomer(sets_passwords=True)
        own = site.services.kinds.backends["fake"]
        site.services.kinds = Kinds({"fake": BackendKind("fake", own.make, directory=lambda _context: self.directory)})
        site.services.google = lambda _tenant: closing(self.google)
        site.client.set_cookie("cg-language", "en")
        site.enter()

    def look(self, **data: str) -> str:
        assert self.site.post(PAGE, data, form=PAGE).location == PAGE
        return self.ended()

    def apply(self, **data: str) -> str:
        page = self.site.get(PAGE).text
        found = re.search(r'name="digest" value="(\w+)"', page)
        assert found is not None
        self.site.post(f"{PAGE}/apply", {"digest": found[1], **data}, form=PAGE)
        return self.ended()

    def ended(self) -> str:
        task = self.site.services.tasks.of("acme")
        assert task is not None
        assert task.greenlet is not None
        task.greenlet.join(5)
        return text_of(self.site.get(PAGE, headers=ENGLISH))

    def addresses(self) -> list[str]:
        return [row.account.address for row in accounts.listing(self.site.desk(), self.site.services.tenants["acme"])]


@pytest.fixture
def company(site: TestSite) -> Iterator[Company]:
    yield Company(site)
    site.services.tasks.keep({})


def test_the_page_shows_what_would_be_done_and_does_nothing(company: Company) -> None:
    text = company.look()
    assert "to be added: 2" in text
    assert "add yuki@acme.example (default) it is new in the directory" in text
    assert (company.addresses(), actions(company.site.desk())) == ([], [])


def test_what_was_shown_is_done_and_in_the_log_under_the_administrators_name(company: Company) -> None:
    company.look()
    assert "2 accounts were changed." in company.apply()
    assert company.addresses() == ["taro@acme.example", "yuki@acme.example"]
    assert {("account.create", address) for address in company.addresses()} <= set(actions(company.site.desk()))
    assert last(company.site.desk()).actor == "hana"
    assert "Accounts and directory agree" in company.look()


def test_a_change_of_the_directory_in_between_is_told_and_nothing_is_done(company: Company) -> None:
    company.look()
    company.directory.entries.append(entry("hana"))
    text = company.apply()
    assert "have changed since you looked. Nothing was done." in text
    assert "to be added: 3" in text
    assert company.addresses() == []
    assert "3 accounts were changed." in company.apply()


def test_a_page_that_shows_something_older_applies_nothing(company: Company) -> None:
    company.look()
    company.site.post(f"{PAGE}/apply", {"digest": "of another preview"}, form=PAGE)
    assert "no longer there" in text_of(company.site.get(PAGE, headers=ENGLISH))
    assert company.addresses() == []


def test_while_it_goes_on_the_page_says_how_far_and_looks_again_by_itself(company: Company) -> None:
    company.directory.go.clear()
    company.site.post(PAGE, {}, form=PAGE)
    answer = company.site.get(PAGE, headers=ENGLISH)
    assert (answer.status_code, answer.headers["Refresh"]) == (200, "2")
    assert "People read from the directory: 2" in text_of(answer)
    company.site.post(PAGE, {}, form=PAGE)
    assert "hana has started it" in text_of(company.site.get(PAGE, headers=ENGLISH))
    company.directory.go.set()
    assert "to be added: 2" in company.ended()
    assert "Refresh" not in company.site.get(PAGE).headers


def test_many_who_have_left_must_be_confirmed(company: Company) -> None:
    company.look()
    company.apply()
    company.directory.entries.clear()
    assert "2 accounts would be switched off because the directory no longer has them" in company.look()
    assert "would be switched off" in company.apply()
    company.look()
    assert "2 accounts were changed." in company.apply(confirmed="1")


def test_google_users_to_be_made_are_shown_and_then_made(company: Company) -> None:
    text = company.look(create_google_users="1")
    assert "users to be made at Google: 2" in text
    assert "make the user / set a random password" in text
    assert company.google.known == {}
    assert "Something was done for 2 users at Google." in company.apply()
    assert len(company.google.known) == 2


def test_a_directory_that_cannot_be_read_is_told(company: Company) -> None:
    company.directory.fails = DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "gone")
    assert "gone" in company.look()


def test_a_large_plan_is_cut_and_counted(company: Company) -> None:
    company.site.set_tenant(seats=None)
    company.directory.entries = [entry(f"person{number:04}") for number in range(500)]
    text = company.look()
    assert "to be added: 500" in text
    assert "and 300 more" in text
    assert text.count("it is new in the directory") == 200


def test_a_directory_that_cannot_be_listed_leads_to_the_import(site: TestSite) -> None:
    site.enter()
    assert "Import the accounts as CSV instead." in text_of(site.get(PAGE, headers=ENGLISH))


def test_what_one_tenant_is_shown_another_does_not_see(company: Company) -> None:
    company.look()
    company.site.enter(tenant="globex", subject="gina")
    assert "yuki" not in company.site.get("/globex/admin/sync").text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.HELPDESK])
def test_it_is_for_administrators(company: Company, role: Role) -> None:
    company.site.enter(role)
    assert company.site.get(PAGE).status_code == 403
    assert company.site.post(PAGE, {}, form="/acme/admin/accounts").status_code == 403


def test_seats_that_do_not_suffice_are_told(company: Company) -> None:
    company.site.services.tenants = {"acme": replace(company.site.services.tenants["acme"], seats=1)}
    assert "all 1 contracted seats are taken" in company.look()


def _import(company: Company, *lines: str) -> str:
    content = "\n".join(["operation,address", *lines])
    page = company.site.post("/acme/admin/accounts/import", {"op": "apply", "content": content}, form="/acme/admin/accounts/import")
    return page.location or ""


def test_imported_accounts_get_at_google_what_the_tenant_file_wants(company: Company) -> None:
    company.google.known["jiro@acme.example"] = GoogleUser("7", "jiro@acme.example")
    assert _import(company, "CREATE,jiro@acme.example", "CREATE,sen@acme.example") == PAGE
    told = company.ended()
    assert "Something was done for 1 user at Google." in told
    assert "sen@acme.example does not exist at Google" in told
    assert ("credential.reset.done", "jiro@acme.example") in actions(company.site.desk())


def test_an_import_that_makes_nobody_asks_nothing_of_google(company: Company) -> None:
    _import(company, "CREATE,jiro@acme.example")
    company.ended()
    company.google.asked.clear()
    assert _import(company, "DELETE,jiro@acme.example") == "/acme/admin/accounts"
    assert company.google.asked == []


def test_an_import_while_a_task_goes_on_leaves_google_for_later_and_says_so(company: Company) -> None:
    company.directory.go.clear()
    company.site.post(PAGE, {}, form=PAGE)
    assert _import(company, "CREATE,jiro@acme.example") == "/acme/admin/accounts"
    assert "Nothing was done for them at Google: it goes on already" in text_of(company.site.get("/acme/admin/accounts"))
    company.directory.go.set()
    assert "jiro@acme.example" in company.addresses()
