"""A light tenant's people from end to end: made on the page, they read their mail; what the directory has, the sync brings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, World

from .conftest import Open, add_administrator, gets_in, keep_picture
from .test_accessibility import mistakes, sticks_out

WAIT_S = 10.0
NEW, OTHER = f"new.person@{DOMAIN}", f"other.person@{DOMAIN}"


class Office(World):
    """A light tenant whose people the appliance may manage."""

    def tenant_file(self, **changes: str) -> str:
        auth = super().tenant_file().partition("[auth]\n")[2].partition("\n\n")[0]
        manager = self.slapd.folder / "manager"
        manager.touch(mode=0o600)
        manager.write_text(self.slapd.admin_password)
        writes = (
            f'people_dn = "ou=people,{self.slapd.base_dn}"\n'
            f'manager_dn = "{self.slapd.admin_dn}"\nmanager_password_file = "{manager}"'
        )
        return super().tenant_file(**{"auth": f"{auth}\n{writes}", **changes})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), web=True) as world:
        policy = f"cn=default,ou=policies,{world.slapd.base_dn}"
        world.slapd.modify(f"dn: {policy}\nchangetype: modify\nreplace: pwdMustChange\npwdMustChange: FALSE\n")
        add_administrator(world)
        world.gmail.control.add_account(f"api-admin@{DOMAIN}", admin=True)
        yield world


def added(page: Page, address: str, mail: Any) -> Person:
    """Make a person on the page, here and at Google, who then reads mail with the initial password; open the account."""
    page.click("nav >> text=Accounts")
    page.click("text=Add a person")
    page.fill("[name=address]", address)
    page.fill("[name=family_name]", "Person")
    page.check("[name=create_google_user]")
    page.click("button:text-is('Add the person')")
    page.wait_for_selector("text=The person was added")
    person = Person(address, page.inner_text("code.once"))
    wait_until(lambda: gets_in(mail, person), "access", WAIT_S)
    page.click("text=To the account")
    return person


def test_a_person_made_on_the_page_reads_mail_until_deleted(open_site: Open, mail: Any) -> None:
    page = open_site()
    person = added(page, NEW, mail)
    page.click("text=Delete …")
    page.click("button:text-is('Delete')")
    page.wait_for_selector("text=was deleted here and in the directory.")
    wait_until(lambda: not gets_in(mail, person), "no access", WAIT_S)


def test_a_new_initial_password_counts_and_the_old_one_does_not(open_site: Open, world: World, mail: Any) -> None:
    page = open_site()
    person = added(page, OTHER, mail)
    page.click("text=Set an initial password")
    page.click("button:text-is('Set the password')")
    page.wait_for_selector("text=It is shown only now.")
    new = page.inner_text("code.once")
    assert new != person.password
    wait_until(lambda: gets_in(mail, person, new), "access with the new one", WAIT_S)
    assert not gets_in(mail, person)


def test_the_directorys_people_become_accounts_without_script(open_site: Open, world: World) -> None:
    storage = open_site().context.storage_state()
    browser = open_site().context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, storage_state=storage, ignore_https_errors=True, locale="en")
    page = context.new_page()
    page.goto(world.web_url + "sync")
    page.click("button:text-is('Look')")
    page.wait_for_selector(f"th:text-is('{world.people[0].address}')", timeout=15_000)  # the page looks again by itself
    page.click("button:text-is('Do it')")
    page.wait_for_selector(r"text=/\d+ accounts? (was|were) changed/", timeout=15_000)
    page.click("nav >> text=Accounts")
    assert {person.address for person in world.people} <= set(re.findall(rf"[\w.-]+@{DOMAIN}", page.inner_text("main")))
    context.close()


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("size", "width"), [("wide", 1280), ("phone", 390)])
def test_the_pages_are_accessible_and_fit(open_site: Open, world: World, language: str, size: str, width: int) -> None:
    address = world.people[0].address
    world.appliance.command("account", "create", "acme", address, check=False)
    page = open_site(language=language, width=width)
    paths = ["people/new", "sync", f"accounts/{address}", f"accounts/{address}/initial-password", f"accounts/{address}/delete"]
    found = {}
    for path in paths:
        page.goto(world.web_url + path)
        keep_picture(page, f"{language}-{size}-people-{Path(path).name.partition('@')[0]}")
        found[path] = mistakes(page) + (["wider than its window"] if sticks_out(page) else [])
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
