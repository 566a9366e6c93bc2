"""Each page in both languages, wide and on a phone: axe-core finds nothing, nothing sticks out, English is not left over."""

from __future__ import annotations

import re
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from .conftest import Open, keep_picture

PAGES: Final = {
    "dashboard": "",
    "accounts": "accounts",
    "account": "accounts/yuki@acme.example",
    "google": "accounts/yuki@acme.example/google",
    "import": "accounts/import",
    "profiles": "profiles",
    "profile-new": "profiles/new",
    "profile-of-file": "profiles/office",
    "history": "history",
    "explain": "explain?account=yuki@acme.example&protocol=imap&ip=192.0.2.1",
    "sessions": "sessions",
    "audit": "audit",
    "bypass": "bypass",
}
WIRE: Final = "You are not allowed to access this server"  #: what clients are sent, in whatever language the page is
SIZES: Final = {"wide": 1280, "phone": 390}


def mistakes(page: Page) -> list[str]:
    """Return what axe-core says against a page."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]} ({one['help']})" for one in found]


def sticks_out(page: Page) -> bool:
    """Tell whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits(open_site: Open, language: str, size: str) -> None:
    page = open_site(language=language, width=SIZES[size])
    found = {}
    for name, path in PAGES.items():
        page.goto(page.url.split("/admin/")[0] + "/admin/" + path)
        keep_picture(page, f"{language}-{size}-{name}")
        if wrong := mistakes(page):
            found[name] = wrong
        if sticks_out(page):
            found.setdefault(name, []).append("wider than its window")
    assert found == {}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_login_is_accessible(open_site: Open, language: str) -> None:
    page = open_site("login", language=language, log_in=False)
    keep_picture(page, f"{language}-wide-login")
    assert mistakes(page) == []


def test_japanese_pages_hold_no_english_sentences(open_site: Open) -> None:
    page = open_site(language="ja")
    left = {}
    for name, path in PAGES.items():
        page.goto(page.url.split("/admin/")[0] + "/admin/" + path)
        sentences = re.findall(r"(?:\b[A-Za-z]+[ ,]+){4,}[A-Za-z]+", page.inner_text("main").replace(WIRE, ""))
        if sentences:
            left[name] = sentences
    assert left == {}


def test_the_keyboard_reaches_the_content_first(open_site: Open) -> None:
    page = open_site()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
