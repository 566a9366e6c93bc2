from __future__ import annotations

import io

import pytest

from cgappliance.admin import accounts
from cgappliance.store import audit
from cgappliance.store.administrators import Role
from tests.admin.trail import actions, last
from tests.web.site import TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
HOME = "/acme/admin/accounts"


@pytest.fixture
def people(site: TestSite) -> TestSite:
    """Three accounts, and an administrator who is logged in."""
    for name in ("hanako", "taro", "yuki"):
        accounts.create(site.desk(), site.services.tenants["acme"], f"{name}@acme.example")
    accounts.set_enabled(site.desk(), site.services.tenants["acme"], ["taro@acme.example"], enabled=False)
    site.enter()
    return site


def shown(site: TestSite, query: str = "") -> list[str]:
    text = text_of(site.get(f"{HOME}?{query}", headers=ENGLISH))
    return [name for name in ("hanako", "taro", "yuki") if f"{name}@acme.example" in text]


def change(site: TestSite, path: str, **data: str) -> str:
    """Press a button, and return what the next page says."""
    answer = site.post(f"{HOME}/{path}", data, form=HOME, headers=ENGLISH)
    assert answer.status_code == 303
    return text_of(site.get(answer.location, headers=ENGLISH))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["hanako", "taro", "yuki"]),
        ("search=ANA", ["hanako"]),
        ("state=disabled", ["taro"]),
        ("state=enabled", ["hanako", "yuki"]),
        ("state=locked", []),
        ("state=never", ["hanako", "taro", "yuki"]),
        ("state=no_credential", ["hanako", "taro", "yuki"]),
        ("profile=office", []),
        ("profile=(default)", ["hanako", "taro", "yuki"]),
        ("after=hanako@acme.example", ["taro", "yuki"]),
    ],
)
def test_accounts_are_searched_and_filtered(people: TestSite, query: str, found: list[str]) -> None:
    assert shown(people, query) == found


def test_an_account_is_shown_with_the_profile_that_applies(people: TestSite) -> None:
    text = text_of(people.get(f"{HOME}/yuki@acme.example", headers=ENGLISH))
    assert "The profile office applies." in text
    assert "never tried to log in" in text


def test_an_account_that_is_not_there_is_404(people: TestSite) -> None:
    assert people.get(f"{HOME}/nobody@acme.example").status_code == 404


def test_an_account_is_added(people: TestSite) -> None:
    assert "jiro@acme.example was added." in change(people, "new", address="Jiro@acme.example", profile="")
    assert (last(people.desk()).actor, last(people.desk()).action) == ("hana", "account.create")


def test_what_cannot_be_added_is_told_without_commands(people: TestSite) -> None:
    said = change(people, "new", address="jiro@elsewhere.example")
    assert "'elsewhere.example' is not a domain of acme" in said


def test_a_profile_is_given(people: TestSite) -> None:
    assert "has the profile office now" in change(people, "yuki@acme.example/profile", profile="office")
    assert accounts.show(people.desk(), people.services.tenants["acme"], "yuki@acme.example").row.account.profile == "office"


def test_a_profile_that_is_not_there_changes_nothing(people: TestSite) -> None:
    said = change(people, "yuki@acme.example/profile", profile="none such")
    assert "has no profile 'none such'" in said
    assert "cgappliance profile" not in said


def test_an_account_is_switched_off_and_on_with_a_reason_in_the_log(people: TestSite) -> None:
    assert "is switched off" in change(people, "yuki@acme.example/disable", reason="left the company")
    assert (last(people.desk()).reason, last(people.desk()).origin) == ("left the company", "127.0.0.1")
    assert "is switched on" in change(people, "yuki@acme.example/enable")
    assert [action for action, _ in actions(people.desk())][-2:] == ["account.disable", "account.enable"]


def test_applying_to_many_asks_first_and_then_does_it(people: TestSite) -> None:
    chosen = {"profile": "office", "address": ["hanako@acme.example", "yuki@acme.example"]}
    asked = people.post(f"{HOME}/apply", chosen, form=HOME, headers=ENGLISH)
    assert "2 accounts will have the profile office" in text_of(asked)
    assert shown(people, "profile=office") == []
    people.post(f"{HOME}/apply/confirmed", chosen, form=HOME)
    assert shown(people, "profile=office") == ["hanako", "yuki"]


def test_applying_to_nobody_says_so(people: TestSite) -> None:
    assert "No account was chosen." in change(people, "apply", profile="office")


def upload(site: TestSite, text: str, **more: str):  # type: ignore[no-untyped-def]
    data = {"file": (io.BytesIO(text.encode()), "people.csv"), **more}
    return site.post(f"{HOME}/import", data, form=f"{HOME}/import", headers=ENGLISH, content_type="multipart/form-data")


LINES = "operation,address,profile\nCREATE,jiro@acme.example,office\nDELETE,taro@acme.example,\n"


def test_an_import_is_previewed_and_then_done(people: TestSite) -> None:
    preview = upload(people, LINES)
    assert "2 lines of people.csv would be done" in text_of(preview)
    assert shown(people) == ["hanako", "taro", "yuki"]
    done = people.post(f"{HOME}/import", {"op": "apply", "content": LINES, "source": "people.csv"}, form=f"{HOME}/import")
    assert done.status_code == 303
    assert "taro" not in shown(people)
    assert "jiro@acme.example" in people.get(HOME).text


def test_every_mistake_of_a_file_is_told_and_nothing_is_done(people: TestSite) -> None:
    answer = upload(people, "operation,address\nCREATE,no address\nDELETE,nobody@acme.example\n")
    assert answer.status_code == 400
    assert text_of(answer).count("line ") >= 2
    assert shown(people) == ["hanako", "taro", "yuki"]


def test_an_export_is_for_excel_and_holds_everybody(people: TestSite) -> None:
    answer = people.get(f"{HOME}.csv")
    assert answer.data.startswith("\ufeff".encode())
    assert "attachment; filename=" in answer.headers["Content-Disposition"]
    assert answer.text.count("@acme.example") == 3


def test_names_are_text_and_never_tags(people: TestSite) -> None:
    page = people.get(f"{HOME}?search=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_provider_that_cannot_ask_google_says_so_and_resets_nothing(people: TestSite) -> None:
    page = people.get(f"{HOME}/yuki@acme.example/google", headers=ENGLISH)
    assert "cannot ask Google about users" in text_of(page)
    before = len(list(audit.walk(people.store, audit.Filter())))
    assert "cannot ask Google" in change(people, "yuki@acme.example/google/reset")
    assert len(list(audit.walk(people.store, audit.Filter()))) == before


def test_an_auditor_sees_no_button_that_he_may_not_press(people: TestSite) -> None:
    people.enter(Role.AUDITOR)
    for path in (HOME, f"{HOME}/yuki@acme.example"):
        posts = people.get(path).text.count('method="post"')
        assert posts == 2 + (path == HOME), path  # log out, language, and the table's own, which has nothing to send
