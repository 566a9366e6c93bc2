"""The manual's tasks from end to end: what an administrator clicks decides what a mail program may do."""

from __future__ import annotations

import imaplib
from typing import Any

import pytest
from playwright.sync_api import Page

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World

from .conftest import Open, gets_in

WAIT_S = 5.0


def make_profile(page: Page, name: str, networks: str) -> None:
    """Tick POP/IMAP, restrict the remote addresses, save (manual 2.2)."""
    page.click("text=Security settings")
    page.click("text=New profile")
    page.fill("[name=name]", name)
    page.check("text=POP/IMAP access")
    page.check("text=Remote IP restriction")
    page.fill("[name=rule-0-networks]", networks)
    page.click("button:text-is('Save')")
    page.wait_for_selector(f"text=The profile {name} was made.")


def give_profile(page: Page, address: str, name: str) -> None:
    """Apply a profile to one account."""
    page.click("nav >> text=Accounts")
    page.click(f"a:text-is('{address}')")
    page.select_option("[name=profile]", name)
    page.click("button:text-is('Apply')")
    page.wait_for_selector(f"text=has the profile {name} now.")


def is_dead(client: imaplib.IMAP4_SSL) -> bool:
    try:
        client.noop()
    except (imaplib.IMAP4.error, OSError):
        return True
    return False


def test_tick_save_and_apply_and_a_mail_program_gets_in(open_site: Open, mail: Any) -> None:
    with pytest.raises(imaplib.IMAP4.error, match="You are not allowed"):
        mail(YUKI)
    page = open_site()
    make_profile(page, "branch", "127.0.0.1\n::1  # this machine")
    give_profile(page, YUKI.address, "branch")
    wait_until(lambda: gets_in(mail, YUKI), "access", WAIT_S)


def test_remove_the_address_and_the_live_session_ends(open_site: Open, mail: Any) -> None:
    page = open_site()
    make_profile(page, "moving", "127.0.0.1\n::1")
    give_profile(page, TARO.address, "moving")
    wait_until(lambda: gets_in(mail, TARO), "access", WAIT_S)
    client = mail(TARO)
    page.click("text=Security settings")
    page.click("a:text-is('moving')")
    page.fill("[name=rule-0-networks]", "203.0.113.0/24")
    page.click("button:text-is('Save')")
    page.wait_for_selector("text=live sessions will end at once")
    page.wait_for_selector("text=is not among those that this profile lets in")
    page.click("text=Save nevertheless")
    page.wait_for_selector("text=The profile moving was saved")
    wait_until(lambda: is_dead(client), "session ended", WAIT_S)


def test_a_refused_row_leads_to_its_explanation_by_one_click(open_site: Open, mail: Any) -> None:
    with pytest.raises(imaplib.IMAP4.error):
        mail(TARO)
    page = open_site("history")
    wait_until(lambda: _reloaded(page).is_visible("a.why"), "a refused row", WAIT_S)
    page.click("a.why >> nth=0")
    page.wait_for_selector("text=Refused: the security profile does not allow this remote address")
    assert "NO [AUTHENTICATIONFAILED] You are not allowed to access this server" in page.inner_text("main")


def _reloaded(page: Page) -> Page:
    page.reload()
    return page


def test_a_live_session_is_shown_and_ended(open_site: Open, mail: Any) -> None:
    client = mail(YUKI)
    page = open_site("sessions")
    page.wait_for_selector(f"th a[href$='/{YUKI.address}']")
    page.click("button:text-is('End session') >> nth=0")
    page.wait_for_selector("text=was ended.")
    wait_until(lambda: is_dead(client), "session ended", WAIT_S)


def test_switching_off_ends_the_sessions_and_keeps_out(open_site: Open, mail: Any) -> None:
    client = mail(YUKI)
    page = open_site(f"accounts/{YUKI.address}")
    page.fill("[name=reason]", "left the company")
    page.click("button:text-is('Switch off')")
    page.wait_for_selector("text=is switched off")
    wait_until(lambda: is_dead(client), "session ended", WAIT_S)
    assert not gets_in(mail, YUKI)
    page.click("button:text-is('Switch on')")
    page.wait_for_selector("text=is switched on")
    wait_until(lambda: gets_in(mail, YUKI), "access", WAIT_S)


def test_without_script_a_profile_is_made_too(open_site: Open, world: World) -> None:
    page = open_site()
    storage = page.context.storage_state()
    assert page.context.browser is not None
    bare = page.context.browser.new_context(java_script_enabled=False, storage_state=storage, ignore_https_errors=True, locale="en")
    plain = bare.new_page()
    plain.goto(world.web_url + "profiles/new")
    plain.fill("[name=name]", "plain")
    plain.click("button:text-is('Add a rule')")
    plain.click("summary >> nth=1")
    plain.fill("[name=rule-1-remark]", "second")
    plain.click("button:text-is('Save')")
    assert "The profile plain was made." in plain.inner_text("main")
    bare.close()
