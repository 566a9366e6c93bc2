"""The web site, to be looked at: ``script/demo --web``. Prints where it is, how to log in and what to click; stays until Ctrl-C.

The log-ins that are printed are tried first, so that nobody is told one that does not work.
"""

from __future__ import annotations

import re
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

import requests

from cgappliance.testing import demo_people as company
from cgappliance.testing.demo_site import DemoSite
from cgappliance.testing.demo_steps import StepFailed, Steps, heading, say

TIMEOUT_S: Final = 20
#: What is worth a click, with the words that stand on the page.
CLICKS: Final = (
    ("Dashboard", "an account is locked: follow 'Show them', open it, press 'Unlock'."),
    ("Access history", "pick a refused row and press 'Why?': the rules, one by one, and which of them decided."),
    ("Security settings", "'New profile': tick 'POP/IMAP access' and 'Remote IP restriction', type an address, press 'Save'."),
    ("Accounts", f"open {company.USER.address}, choose the profile 'web only', press 'Apply'."),
    ("Live sessions", f"the session of {company.USER.address} has ended with it; 'End session' ends another one."),
    ("Audit log", "who did all that."),
    ("User's page", "log in as the user, press 'Change the password'; then 'Set up a mail client'."),
    ("Foot of the page", "日本語 or English."),
)


class WebDemo(Steps):
    """The log-ins that are told to whoever looks."""

    def __init__(self, site: DemoSite) -> None:
        """Try those of ``site``."""
        super().__init__()
        self.site = site

    def run(self) -> bool:
        """Try each log-in and return whether all of them work."""
        heading("The log-ins, tried")
        self.step("the administrator sees the dashboard", self.administrator)
        self.step("the user sees the page for the own password", self.user)
        self.step("the user's mail client gets in with the same password", self.mail_client)
        return self.held

    def administrator(self) -> str:
        """Log in to the admin site."""
        typed = {"name": company.ADMINISTRATOR, "password": company.ADMINISTRATOR_PASSWORD}
        return self._enter(self.site.admin_url, typed, self.site.admin_url)

    def user(self) -> str:
        """Log in to the user's pages."""
        typed = {"address": company.USER.address, "password": company.USER.password}
        return self._enter(self.site.user_url, typed, f"{self.site.url}/password")

    def mail_client(self) -> str:
        """Log in by IMAP; the session stays, to be seen among the live ones."""
        status, count = self.site.connect(source="127.0.0.21").select("INBOX")
        if status != "OK" or count[0] is None:
            raise StepFailed(f"IMAP answered {status} {count}")
        return f"{int(count[0])} message lies in the mailbox"

    def _enter(self, url: str, typed: dict[str, str], expected: str) -> str:
        with requests.Session() as browser:
            browser.trust_env = False
            options: dict[str, Any] = {"verify": str(self.site.world.authority.ca_file), "timeout": TIMEOUT_S}
            try:
                form = browser.get(url, **options)
                code = re.search(r'name="form_code" value="([0-9a-f]+)"', form.text)
                page = browser.post(form.url, {**typed, "form_code": code[1] if code else ""}, **options)
            except requests.RequestException as error:
                raise StepFailed(str(error)) from error
        if page.status_code != requests.codes.ok or page.url != expected:
            raise StepFailed(f"{page.url} came with status {page.status_code}, not {expected}")
        return page.url


def show(*, stay: bool) -> bool:
    """Bring the site up, try its log-ins, tell them, and stay until Ctrl-C if asked to. Return whether all of them work."""
    with tempfile.TemporaryDirectory(prefix="cgappliance-demo-") as scratch:
        heading("Starting")
        say("  OpenLDAP, a Gmail look-alike, the appliance with its web site; a company of 14 people, four days of history")
        with DemoSite(Path(scratch)) as site:
            held = WebDemo(site).run()
            site.connect(company.PEOPLE[1], source="127.0.0.34")
            say(invitation(site))
            if stay:
                wait_for_the_end()
    return held


def invitation(site: DemoSite) -> str:
    """Return where to go, how to log in, and what to click."""
    clicks = "\n".join(f"  {number}. {place}: {what}" for number, (place, what) in enumerate(CLICKS, 1))
    return (
        "\nOpen it (the certificate is the demo's own: let the browser accept it)\n"
        "----------------------------------------------------------------------\n"
        f"  administrator  {site.admin_url}\n"
        f"                 name     {company.ADMINISTRATOR}   password  {company.ADMINISTRATOR_PASSWORD}\n"
        f"  user           {site.user_url}\n"
        f"                 address  {company.USER.address}   password  {company.USER.password}\n"
        f"  help desk      name     {company.HELPDESK}   password  as the administrator's: may unlock and reset, and no more\n"
        f"  CA file        {site.world.authority.ca_file}\n"
        f"  mail client    localhost: IMAPS {site.world.ports.imaps}, POP3S {site.world.ports.pop3s},"
        f" SMTPS {site.world.ports.smtps}\n\nWhat to click\n-------------\n{clicks}\n\nPress Ctrl-C to end it.\n"
    )


def wait_for_the_end() -> None:
    """Return after Ctrl-C or SIGTERM. The servers have process groups of their own, so they hear of it from us alone."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
