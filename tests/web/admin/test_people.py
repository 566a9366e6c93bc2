from __future__ import annotations

import re
from contextlib import closing

import pytest
from werkzeug.test import TestResponse

from cgappliance.admin import accounts
from cgappliance.administration import DirectoryFailed, GoogleFault
from cgappliance.model import Reason
from cgappliance.plugin_api import BackendKind
from cgappliance.plugins import Kinds
from cgappliance.secret import Secret
from cgappliance.store import audit, credentials
from cgappliance.store.administrators import Role
from cgappliance.store.changes import change
from cgappliance.store.credentials import Kind, State
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_directory import FakeDirectory
from tests.admin.trail import actions
from tests.web.site import NOW, TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
YUKI = "yuki@acme.example"
NEW, ACCOUNT = "/acme/admin/people/new", f"/acme/admin/accounts/{YUKI}"
PERSON = {"address": "Yuki@acme.example", "given_name": "Yuki", "family_name": "Sato", "profile": "office"}


class Light:
    """The site of a tenant whose people are managed here."""

    def __init__(self, site: TestSite) -> None:
        self.site, self.directory, self.google = site, FakeDirectory(), FakeCustomer()
        own = site.services.kinds.backends["fake"]
        kind = BackendKind("fake", own.make, directory=lambda _context: self.directory)
        site.services.kinds = Kinds({"fake": kind})
        site.services.google = lambda _tenant: closing(self.google)
        site.enter()

    def add(self, **changes: str) -> TestResponse:
        return self.site.post(NEW, {**PERSON, **changes}, form=NEW, headers=ENGLISH)

    def press(self, path: str, **data: str) -> TestResponse:
        return self.site.post(f"{ACCOUNT}/{path}", data, form=f"{ACCOUNT}/{path}", headers=ENGLISH)

    def addresses(self) -> list[str]:
        return [row.account.address for row in accounts.listing(self.site.desk(), self.site.services.tenants["acme"])]


@pytest.fixture
def light(site: TestSite) -> Light:
    return Light(site)


@pytest.fixture
def yuki(light: Light) -> Light:
    """With yuki, made on the page."""
    assert light.add().status_code == 200
    return light


def shown_password(answer: TestResponse) -> str:
    found = re.search(r'<code class="once">([^<]+)</code>', answer.text)
    assert found is not None
    return found[1]


def test_a_person_is_made_and_the_password_is_shown_once(light: Light) -> None:
    password = shown_password(light.add())
    assert light.directory.passwords == {YUKI: password}
    assert light.addresses() == [YUKI]
    assert actions(light.site.desk()) == [("directory.create", YUKI), ("account.create", YUKI)]
    assert password not in light.site.get(ACCOUNT).text
    assert password not in str(list(audit.walk(light.site.store, audit.Filter())))


def test_a_password_that_was_typed_is_taken_and_not_shown(light: Light) -> None:
    answer = light.add(password="typed by hana", again="typed by hana")
    assert light.directory.passwords == {YUKI: "typed by hana"}
    assert "typed by hana" not in answer.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"password": "one", "again": "two"}, "The two passwords are not the same."),
        ({"password": "a" * 257, "again": "a" * 257}, "longer than 256 characters"),
        ({"address": "yuki@elsewhere.example"}, "'elsewhere.example' is not a domain of acme"),
        ({"profile": "none such"}, "has no profile 'none such'"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_stays_in_the_form(light: Light, typed: dict[str, str], said: str) -> None:
    answer = light.add(**typed)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert 'value="Sato"' in answer.text
    assert (light.addresses(), light.directory.entries) == ([], [])


def test_what_the_directory_refuses_makes_no_account(light: Light) -> None:
    light.directory.fails = DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, "password is too short")
    answer = light.add()
    assert "password is too short" in text_of(answer)
    assert light.addresses() == []


def test_a_person_who_is_there_already_is_not_made_again(yuki: Light) -> None:
    before = dict(yuki.directory.passwords)
    assert yuki.add().status_code == 400
    assert yuki.directory.passwords == before


def test_the_google_user_is_made_only_when_wanted(light: Light) -> None:
    light.add()
    assert light.google.known == {}
    light.add(address="taro@acme.example", create_google_user="1")
    assert list(light.google.known) == ["taro@acme.example"]
    assert light.google.names == {"taro@acme.example": "Yuki Sato"}


def test_what_goes_wrong_at_google_is_told_beside_the_password(light: Light) -> None:
    light.google.refuses[YUKI] = GoogleFault.USER_LIMIT
    answer = light.add(create_google_user="1")
    assert "no licence left" in text_of(answer)
    assert shown_password(answer) == light.directory.passwords[YUKI]


def test_an_initial_password_is_set_and_wrong_ones_are_forgotten(yuki: Light) -> None:
    password = shown_password(yuki.press("initial-password"))
    assert yuki.directory.passwords == {YUKI: password}
    assert ("directory.password", YUKI) in actions(yuki.site.desk())


def test_an_initial_password_that_the_directory_refuses_is_told(yuki: Light) -> None:
    yuki.directory.fails = DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, "too short")
    answer = yuki.press("initial-password", password="x", again="x")
    assert (answer.status_code, "too short" in text_of(answer)) == (400, True)


def test_deleting_asks_first_and_then_removes_both(yuki: Light) -> None:
    assert "Nothing is deleted at Google" in text_of(yuki.site.get(f"{ACCOUNT}/delete", headers=ENGLISH))
    assert yuki.addresses() == [YUKI]
    answer = yuki.press("delete", in_directory="1", reason="left the company")
    assert answer.location == "/acme/admin/accounts"
    assert (yuki.addresses(), yuki.directory.entries) == ([], [])


def test_deleting_here_alone_leaves_the_person_in_the_directory(yuki: Light) -> None:
    yuki.press("delete")
    assert (yuki.addresses(), len(yuki.directory.entries)) == ([], 1)


def test_a_google_password_that_nobody_else_knows_is_not_lost_by_mistake(yuki: Light) -> None:
    account = accounts.show(yuki.site.desk(), yuki.site.services.tenants["acme"], YUKI).row.account
    with change(yuki.site.store) as transaction:
        kept = {"kind": Kind.MANAGED_PASSWORD, "state": State.CURRENT, "secret": Secret("random")}
        credentials.add(transaction, yuki.site.vault, account, by="test", now=NOW, **kept)  # type: ignore[arg-type]
    yuki.press("delete", in_directory="1")
    assert (yuki.addresses(), len(yuki.directory.entries)) == ([YUKI], 1)
    yuki.press("delete", in_directory="1", with_managed_password="1")
    assert yuki.addresses() == []


def test_switching_off_reaches_the_directory_when_wanted(yuki: Light) -> None:
    yuki.site.post(f"{ACCOUNT}/disable", {"in_directory": "1"}, form=ACCOUNT)
    assert yuki.directory.entries[0].disabled
    yuki.site.post(f"{ACCOUNT}/enable", {}, form=ACCOUNT)
    assert yuki.directory.entries[0].disabled


def test_where_people_are_managed_elsewhere_nothing_of_it_is_offered(site: TestSite) -> None:
    site.enter()
    accounts.create(site.desk(), site.services.tenants["acme"], YUKI)
    assert "people/new" not in site.get("/acme/admin/accounts").text
    assert "initial-password" not in site.get(ACCOUNT).text
    assert "managed in its own directory" in text_of(site.get(NEW, headers=ENGLISH))
    answer = site.post(NEW, PERSON, form=ACCOUNT, headers=ENGLISH)
    assert answer.status_code == 400


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.HELPDESK])
def test_who_may_not_make_people_sees_nothing_of_it(yuki: Light, role: Role) -> None:
    yuki.site.enter(role)
    assert "people/new" not in yuki.site.get("/acme/admin/accounts").text
    page = yuki.site.get(ACCOUNT).text
    assert "initial-password" not in page
    assert "/delete" not in page
