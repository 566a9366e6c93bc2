"""A real browser before the real site: slapd, Gmail look-alike, ``serve`` with its web process, Debian's Chromium.

Set CGAPPLIANCE_SCREENSHOTS to a folder to keep a picture of every page that a test looks at.
"""

from __future__ import annotations

import imaplib
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import World

HERE: Final = Path(__file__).parent
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
NAME, PASSWORD = "hana", "a sentence that is long"
SCREENSHOTS: Final = os.environ.get("CGAPPLIANCE_SCREENSHOTS", "")

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("integration")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with the site and an administrator; people have no access before a profile gives it to them."""
    with World(tmp_path_factory.mktemp("world"), web=True, bare=True) as world:
        with_site(world)
        yield world


def with_site(world: World) -> None:
    """Add a tenant whose default is no access, its administrator, and an account of each person."""
    world.appliance.tenant("acme", world.tenant_file(policy='default_profile = ""'))
    world.appliance.ask("reload")
    add_administrator(world)
    world.gmail.control.add_account("api-admin@acme.example", admin=True)
    for person in world.people:
        world.appliance.command("account", "create", "acme", person.address)


def add_administrator(world: World, name: str = NAME, role: str = "administrator") -> None:
    """Add somebody who may enter the site with ``PASSWORD``."""
    world.appliance.command("admin", "create", "acme", name, "--role", role, "--password-stdin", typed=f"{PASSWORD}\n")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_site(world: World, browser: Browser) -> Iterator[Open]:
    """Return a function that logs in and opens a page; what the browser's console calls an error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page(path: str = "", *, language: str = "en", width: int = 1280, log_in: bool = True) -> Page:
        context = browser.new_context(locale=language, viewport={"width": width, "height": 900}, ignore_https_errors=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: _own(world, request.url, errors))
        page.goto(world.web_url + path)
        if log_in:
            page.fill("[name=name]", NAME)
            page.fill("[name=password]", PASSWORD)
            page.click("button.primary")
            page.wait_for_url(world.web_url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def mail(world: World) -> Iterator[Any]:
    """Return a function that logs in to IMAP as a mail program does, and closes what it opened."""
    context = ssl.create_default_context(cafile=str(world.authority.ca_file))
    opened: list[imaplib.IMAP4_SSL] = []

    def log_in(person: Person) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL("localhost", world.ports.imaps, ssl_context=context, timeout=10)
        opened.append(client)
        client.authenticate("PLAIN", lambda _: f"\0{person.address}\0{person.password}".encode())
        return client

    yield log_in
    for client in opened:
        client.shutdown()


def gets_in(mail: Any, person: Person, password: str = "") -> bool:
    """Return whether a mail program sees the inbox, with the person's own password or another one."""
    try:
        return bool(mail(Person(person.address, password or person.password)).select("INBOX")[0] == "OK")
    except imaplib.IMAP4.error:
        return False


def _own(world: World, url: str, errors: list[str]) -> None:
    if not url.startswith(f"https://localhost:{world.web_port}/"):
        errors.append(f"asked another host: {url}")


def keep_picture(page: Page, name: str) -> None:
    """Keep a screenshot, if somebody wants them."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"), full_page=True)
