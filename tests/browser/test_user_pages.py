"""The users' pages from end to end, with a real OpenLDAP and the Gmail look-alike: what is typed there counts for mail clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, YUKI, World

from .conftest import Open, gets_in, keep_picture
from .test_accessibility import SIZES, mistakes, sticks_out

WAIT_S = 10.0
OLD, NEW = "Old.passw0rd-7", "Brand-new.passw0rd-8"
HANA = Person(f"hana@{DOMAIN}", OLD)
JIRO = Person(f"jiro@{DOMAIN}", OLD, must_change=True)
MARI = Person(f"mari@{DOMAIN}", OLD)
LOCKED = Person(f"locked@{DOMAIN}", OLD, locked=True)
APP_PASSWORD = "qwertyuiopasdfgh"
PAGES = ("password", "password/changed", "history", "app-password", "setup")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tenant whose users enter app passwords themselves."""
    people = (YUKI, HANA, JIRO, MARI, LOCKED)
    with World(tmp_path_factory.mktemp("users"), people=people, web=True, bare=True) as world:
        world.appliance.tenant("acme", world.tenant_file(google='provider = "app-password"'))
        world.appliance.ask("reload")
        for person in people:
            world.appliance.command("account", "create", "acme", person.address)
            world.gmail.control.remove_account(person.address)
            world.gmail.control.add_account(person.address, app_passwords=[APP_PASSWORD])
        yield world


def own(world: World, path: str) -> str:
    return world.web_url.replace("/admin/", f"/{path}")


def log_in(page: Page, world: World, person: Person, password: str, path: str = "password") -> None:
    page.goto(own(world, "login"))
    page.fill("[name=address]", person.address)
    page.fill("[name=password]", password)
    page.click("button.primary")
    page.wait_for_load_state()
    if path != "password":
        page.goto(own(world, path))


def change(page: Page, old: str, new: str) -> None:
    page.fill("[name=old]", old)
    page.fill("[name=new]", new)
    page.fill("[name=again]", new)
    page.click("button[value=change]")
    page.wait_for_load_state()


@pytest.fixture
def plain(world: World, browser: Browser) -> Iterator[Page]:
    """A browser without script."""
    context = browser.new_context(java_script_enabled=False, ignore_https_errors=True, locale="en")
    yield context.new_page()
    context.close()


def test_an_app_password_that_gmail_takes_opens_the_mailbox(plain: Page, world: World, mail: Any) -> None:
    log_in(plain, world, HANA, OLD)
    plain.click("nav >> text=App password")
    plain.wait_for_selector("text=Without it your mail clients do not get in.")
    assert not gets_in(mail, HANA, OLD)
    plain.fill("[name=app_password]", "zzzz zzzz zzzz zzzz")
    plain.click("button.primary")
    plain.wait_for_selector("text=Gmail does not take this app password.")
    plain.fill("[name=app_password]", "qwer tyui opas dfgh")
    plain.click("button.primary")
    plain.wait_for_selector("text=Gmail takes the app password.")
    wait_until(lambda: gets_in(mail, HANA, OLD), "mail", WAIT_S)


def shown_words(page: Page) -> set[str]:
    page.reload()
    return set(page.inner_text("main").split())


def test_a_changed_password_counts_for_mail_without_script_too(plain: Page, world: World, mail: Any) -> None:
    log_in(plain, world, MARI, OLD, "app-password")
    plain.fill("[name=app_password]", APP_PASSWORD)
    plain.click("button.primary")
    plain.goto(own(world, "password"))
    change(plain, OLD, "short")
    assert "The new password is too short." in plain.inner_text("main")
    change(plain, OLD, NEW)
    told = plain.inner_text("main")
    assert "The password at Google is unchanged." in told
    assert [client for client in ("Thunderbird", "Outlook", "Apple Mail", "iPhone", "Android") if client not in told] == []
    wait_until(lambda: gets_in(mail, MARI, NEW), "mail with the new password", WAIT_S)
    assert not gets_in(mail, MARI, OLD)
    plain.goto(own(world, "history"))
    wait_until(lambda: {"accepted", "refused"} <= shown_words(plain), "both in the history", WAIT_S)


def test_who_must_change_comes_to_the_page_for_it_and_then_gets_in(open_site: Open, world: World) -> None:
    page = open_site("login", log_in=False)
    log_in(page, world, JIRO, OLD)
    page.wait_for_selector("text=Your password has to be changed before you can go on.")
    assert "At least 6 characters." in page.inner_text("main")
    change(page, OLD, NEW)
    page.wait_for_selector("text=The password is changed")
    assert JIRO.address in page.inner_text("header")


def test_who_is_locked_out_is_told_what_to_do_and_not_why(plain: Page, world: World) -> None:
    log_in(plain, world, LOCKED, OLD)
    assert "Address and password do not fit" in plain.inner_text("main")
    assert "wait, or ask your administrator" in plain.inner_text("main")


def test_the_set_up_page_has_server_ports_and_a_download(plain: Page, world: World) -> None:
    plain.goto(own(world, "setup"))
    assert {"localhost", str(world.ports.imaps), str(world.ports.smtps)} <= set(plain.inner_text("main").split())
    plain.fill("[name=address]", HANA.address)
    with plain.expect_download() as download:
        plain.click("button:text-is('Download')")
    assert download.value.suggested_filename.endswith(".mobileconfig")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_fits_and_is_in_one_language(open_site: Open, world: World, language: str, size: str) -> None:
    page = open_site("login", language=language, width=SIZES[size], log_in=False)
    log_in(page, world, HANA, OLD)
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(own(world, path))
        keep_picture(page, f"{language}-{size}-user-{Path(path).name}")
        found[path] = mistakes(page) + (["wider than its window"] if sticks_out(page) else [])
        if language == "ja":
            found[path] += re.findall(r"(?:\b[A-Za-z]+[ ,]+){4,}[A-Za-z]+", page.inner_text("main"))
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
