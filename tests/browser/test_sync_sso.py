"""An SSO tenant's synchronisation in the browser, with a real Active Directory domain (Samba): shown first, then done as shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from cgappliance.testing.lab import samba_domain as ad
from cgappliance.testing.lab.samba import unavailable
from tests.integration.test_administration_sso import Company

from .conftest import NAME, Open, add_administrator, keep_picture
from .test_accessibility import mistakes, sticks_out

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable())

WAIT_MS = 20_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world = Company(tmp_path_factory.mktemp("company"), web=True)
    with world.domain, world:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")
        add_administrator(world)
        world.gmail.control.add_account("api-admin@acme.example", admin=True)
        yield world


def look(page: Page, *, at_google: bool = False) -> str:
    """Have the page show what a synchronisation would do, and return what it says."""
    page.click("nav >> text=Accounts")
    page.click("text=Synchronise")
    page.set_checked("[name=create_google_users]", at_google)
    page.click("button:text-is('Look')")
    page.wait_for_selector("text=What it would do", timeout=WAIT_MS)
    return page.inner_text("main")


def do_it(page: Page) -> str:
    page.click("button:text-is('Do it')")
    page.wait_for_selector("text=/Nothing was done|accounts? (was|were) changed/", timeout=WAIT_MS)
    return page.inner_text("main")


def accounts(world: Any) -> dict[str, Any]:
    return {row["address"]: row for row in world.appliance.json("account", "list", "acme")["accounts"]}


def test_a_domain_is_shown_first_and_then_brought_over(open_site: Open, world: Any) -> None:
    page = open_site()
    shown = look(page, at_google=True)
    assert "2 entries of the directory have this address" in shown
    assert f"{ad.GOOD.mail}\toffice\tit is new in the directory" in shown
    assert f"{ad.GOOD.mail}\tmake the user" in shown
    assert (mistakes(page), sticks_out(page)) == ([], False)
    keep_picture(page, "en-wide-sync-preview")
    assert accounts(world) == {}

    world.domain.modify(ad.OTHER.dn, "userAccountControl: 514")  # somebody leaves between the look and the click
    assert "have changed since you looked. Nothing was done." in do_it(page)
    assert accounts(world) == {}

    assert "accounts were changed." in do_it(page)
    found = accounts(world)
    assert (found[ad.GOOD.mail]["profile"], found[ad.OTHER.mail]["enabled"]) == ("office", False)
    assert ad.GOOD.mail in str(world.gmail.control.state()["accounts"])
    entries = world.appliance.json("audit", "list", "--tenant", "acme")
    assert {entry["actor"] for entry in entries if entry["action"] == "account.create"} == {NAME}


def test_who_is_switched_off_in_the_domain_is_so_here(open_site: Open, world: Any) -> None:
    page = open_site()
    look(page)
    if page.is_visible("button:text-is('Do it')"):
        do_it(page)
    world.domain.modify(ad.GOOD.dn, "userAccountControl: 514")
    assert f"switch off\t{ad.GOOD.mail}" in look(page)
    do_it(page)
    assert (accounts(world)[ad.GOOD.mail]["enabled"], accounts(world)[ad.GOOD.mail]["disabled_by"]) == (False, "sync")


def test_people_of_a_domain_are_not_made_here(open_site: Open, world: Any) -> None:
    page = open_site("people/new")
    assert "managed in its own directory" in page.inner_text("main")
    assert not open_site("accounts").is_visible("text=Add a person")
