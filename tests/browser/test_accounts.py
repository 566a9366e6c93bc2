"""The accounts page in a running site: found by what they are and did, changed one by one and many at once, Google behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, YUKI
from tests.integration.test_administration import ADMIN, Office

from .conftest import PASSWORD, Open, add_administrator, gets_in

WAIT_S = 10.0
HANA = Person(f"hana@{DOMAIN}", "hana's password")
JIRO = Person(f"jiro@{DOMAIN}", "jiro's password")
MARI = Person(f"mari@{DOMAIN}", "mari's password")
PEOPLE = (YUKI, HANA, JIRO, MARI)
HELPER = "helper"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A light tenant with random Google passwords; all four are accounts and users at Google, POP and IMAP off there."""
    with Office(tmp_path_factory.mktemp("office"), people=PEOPLE, web=True, bare=True) as world:
        world.appliance.tenant("acme", world.tenant_file(policy='default_profile = "office"'))
        world.appliance.ask("reload")
        add_administrator(world)
        add_administrator(world, HELPER, "helpdesk")
        for person in PEOPLE:
            world.google(person.address)
            world.appliance.command("account", "create", "acme", person.address, "--no-google")
        yield world


def found(page: Page, **where: str) -> set[str]:
    """Return whom the list shows for a filter."""
    page.goto(re.sub(r"/admin/.*", "/admin/accounts", page.url))
    if "search" in where:
        page.fill("[name=search]", where["search"])
    for name in ("state", "profile"):
        if name in where:
            page.select_option(f".filter [name={name}]", where[name])
    page.click("button:text-is('Search')")
    page.wait_for_load_state()
    return {link.inner_text().partition("@")[0] for link in page.query_selector_all("tbody th a")}


def opened(page: Page, person: Person) -> Page:
    found(page, search=person.address)
    page.click(f"a:has-text('{person.address}')")
    return page


def reset_at_google(page: Page, person: Person) -> None:
    opened(page, person).click("text=Google account and password reset")
    page.wait_for_selector("text=Google may log the user out for a moment")
    page.click("button:text-is('Reset the Google password')")
    page.wait_for_selector(f"text=The Google password of {person.address} is a new random one.")


def test_a_reset_and_pop_and_imap_at_google_open_the_mailbox(open_site: Open, world: Office, mail: Any) -> None:
    page = open_site("accounts")
    assert "hana" in found(page, state="no_credential")
    assert "hana" in found(page, state="never")
    reset_at_google(page, HANA)
    assert "hana" not in found(page, state="no_credential")
    wait_until(lambda: gets_in(mail, HANA), "mail", WAIT_S)
    wait_until(lambda: "hana" not in found(page, state="never"), "a login that is known", WAIT_S)
    told = opened(page, HANA).inner_text("main")
    assert re.search(r"IMAP\s+20\d\d-\d\d-\d\d \d\d:\d\d\s+127\.0\.0\.1", told)


def test_the_state_of_pop_and_imap_is_shown_and_changed(open_site: Open, world: Office) -> None:
    world.gmail.control.change_account(JIRO.address, imap_settings={"enabled": False}, pop_settings={"accessWindow": "disabled"})
    page = open_site("accounts")
    opened(page, JIRO).click("text=Google account and password reset")
    assert re.search(r"IMAP\s+off\s+POP\s+off", page.inner_text("main"))
    page.click("button:text-is('Switch POP and IMAP on')")
    page.wait_for_selector("text=POP and IMAP are switched on in the Gmail settings")
    assert re.search(r"IMAP\s+on\s+POP\s+on", page.inner_text("main"))


def test_the_api_administrator_and_who_is_not_at_google_are_never_reset(open_site: Open, world: Office) -> None:
    world.appliance.command("account", "create", "acme", ADMIN, "--no-google", check=False)
    world.gmail.control.remove_account(MARI.address)
    page = open_site("accounts")
    opened(page, Person(ADMIN, ""))
    assert "Its password is never reset here." in page.inner_text("main")
    assert not page.is_visible("text=Google account and password reset")
    opened(page, MARI).click("text=Google account and password reset")
    assert "possible only for accounts that exist at Google" in page.inner_text("main")
    assert not page.is_visible("button:text-is('Reset the Google password')")
    world.google(MARI.address)


def test_who_is_locked_is_found_and_unlocked_by_the_help_desk(open_site: Open, world: Office, mail: Any) -> None:
    page = open_site("login", log_in=False)
    page.fill("[name=name]", HELPER)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_load_state()
    page.goto(world.web_url + "accounts")
    for number in range(20):
        gets_in(mail, MARI, f"wrong {number}")
        if "mari" in found(page, state="locked"):
            break
    opened(page, MARI)
    assert "Locked by wrong passwords until" in page.inner_text("main")
    assert not page.is_visible("button:text-is('Switch off')")
    page.click("button:text-is('Unlock')")
    page.wait_for_selector("text=may log in again.")
    assert found(page, state="locked") == set()


def test_a_profile_is_applied_to_many_after_a_question(open_site: Open) -> None:
    page = open_site("profiles/new")
    page.fill("[name=name]", "branch")
    page.click("button:text-is('Save')")
    page.wait_for_selector("text=The profile branch was made.")
    found(page, search="@")
    for person in (HANA, JIRO):
        page.check(f"[name=address][value='{person.address}']")
    page.select_option(".inline-form [name=profile] >> nth=0", "branch")
    page.click("button:text-is('Apply …')")
    page.wait_for_selector("text=2 accounts will have the profile branch")
    page.click("button:text-is('Apply')")
    page.wait_for_selector("text=2 accounts have the profile branch now.")
    assert found(page, profile="branch") == {"hana", "jiro"}


def test_a_file_is_previewed_done_and_downloaded_again(open_site: Open, tmp_path: Path) -> None:
    lines = f"operation,address,profile,enabled\nCREATE,new@{DOMAIN},office,\nUPDATE,{JIRO.address},,no\n"
    (tmp_path / "people.csv").write_text(lines, encoding="utf-8")
    page = open_site("accounts/import")
    page.set_input_files("[name=file]", tmp_path / "people.csv")
    page.click("button:text-is('Show what it would do')")
    page.wait_for_selector("text=2 lines of people.csv would be done.")
    page.click("button:text-is('Do it')")
    page.wait_for_selector("text=2 lines were done.")
    assert "jiro" in found(page, state="disabled")
    with page.expect_download() as download:
        page.click("text=Download CSV")
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert {f"new@{DOMAIN}", *(person.address for person in PEOPLE)} <= set(re.findall(rf"[\w.-]+@{DOMAIN}", text))
