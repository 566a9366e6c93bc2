"""The main job, shown with real programs: ``python -m cgappliance.testing.demo``. ``script/demo`` calls it after the set-up.

Every step runs a real client against the real appliance and checks what came of it at the other end. A step that does not hold
is shown as such and makes the exit status 1.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from cgappliance.model import MailProtocol
from cgappliance.testing import demo_web
from cgappliance.testing.demo_steps import StepFailed, Steps, heading, say
from cgappliance.testing.lab.process import clean_environment, wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World

CURL_TIMEOUT_S: Final = 20
OUTSIDE: Final = "127.0.0.77"  #: a second loopback address plays a client outside the office
OWN_TOKEN: Final = "ya29.a-token-that-the-user-got-somewhere"

#: curl's exit statuses (man curl): what a refused login looks like to it
LOGIN_DENIED: Final = 67
SEND_ERROR: Final = (55, 56)


class Demo(Steps):
    """The main job's steps."""

    def __init__(self, world: World, folder: Path) -> None:
        """Show ``world``; scratch files go to ``folder``."""
        super().__init__()
        self.world = world
        self.folder = folder

    def run(self) -> bool:
        """Run all steps and return whether all of them held."""
        heading("What works: mail address and directory password, in ordinary mail programs")
        self.step("IMAP: curl fetches Yuki's message", self.fetch_imap)
        self.step("POP3: curl fetches the same message", self.fetch_pop3)
        self.step("SMTP: curl sends a message as Taro; it arrives in Yuki's mailbox", self.send)
        self.step("Google saw only tokens that the appliance had asked for, never a password", self.only_tokens)
        heading("What is refused, always with the same words")
        self.step("a wrong password", self.wrong_password)
        self.step(f"the right password from an address outside the allow-list ({OUTSIDE})", self.outside_address)
        self.step("a client that brings a Google token of its own (XOAUTH2)", self.own_token)
        self.step("nothing of the refused attempts reached Google", self.nothing_reached_google)
        self.step("the log tells the operator each exact reason", self.reasons_in_the_log)
        self.summary()
        return self.held

    # ---- what works

    def fetch_imap(self) -> str:
        """Fetch by IMAPS."""
        text = self.curl(f"imaps://localhost:{self.world.ports.imaps}/INBOX;MAILINDEX=1", YUKI.address, YUKI.password)
        return expect_subject(text, "Welcome")

    def fetch_pop3(self) -> str:
        """Fetch by POP3S."""
        text = self.curl(f"pop3s://localhost:{self.world.ports.pop3s}/1", YUKI.address, YUKI.password)
        return expect_subject(text, "Welcome")

    def send(self) -> str:
        """Send by SMTPS and look for the message at the other end."""
        letter = self.folder / "letter.eml"
        letter.write_text(
            f"From: {TARO.address}\r\nTo: {YUKI.address}\r\nSubject: From Taro\r\n\r\nSent through the appliance.\r\n"
        )
        self.curl(
            f"smtps://localhost:{self.world.ports.smtps}",
            TARO.address,
            TARO.password,
            "--mail-from",
            TARO.address,
            "--mail-rcpt",
            YUKI.address,
            "--upload-file",
            str(letter),
        )
        wait_until(
            lambda: any(b"Subject: From Taro" in raw for raw in self.world.gmail.control.messages(YUKI.address)), "arrival", 5
        )
        text = self.curl(f"imaps://localhost:{self.world.ports.imaps}/INBOX;MAILINDEX=2", YUKI.address, YUKI.password)
        return expect_subject(text, "From Taro")

    def only_tokens(self) -> str:
        """Look at what the look-alike has recorded."""
        logins = [login for connection in self.world.gmail.control.connections() for login in connection["logins"]]
        mechanisms = {login["mechanism"] for login in logins}
        if mechanisms != {"XOAUTH2"}:
            raise StepFailed(f"Google was asked for {sorted(mechanisms)}")
        tokens = [request for request in self.world.gmail.control.requests() if request["outcome"] == "ok"]
        return f"{len(logins)} logins by XOAUTH2, {len(tokens)} tokens fetched with the service account's key"

    # ---- what is refused

    def wrong_password(self) -> str:
        """Try a wrong password by all three protocols."""
        self.world.gmail.control.clear_records()
        return self.refused(YUKI.address, "not her password")

    def outside_address(self) -> str:
        """Try the right password from elsewhere."""
        return self.refused(YUKI.address, YUKI.password, "--interface", OUTSIDE)

    def refused(self, address: str, password: str, *options: str) -> str:
        """Check that all three protocols refuse, and return curl's words."""
        for url in self.urls():
            run = self.curl_run(url, "--user", f"{address}:{password}", *options)
            if run.returncode != LOGIN_DENIED:
                raise StepFailed(
                    f"{url}: curl ended with {run.returncode}, not {LOGIN_DENIED} (login denied): {run.stderr.strip()}"
                )
        return "IMAP, POP3 and SMTP: " + run.stderr.strip().replace("curl: ", "curl says: ")

    def own_token(self) -> str:
        """Let clients present a token directly."""
        for url in self.urls():
            run = self.curl_run(
                url, "--user", YUKI.address, "--oauth2-bearer", OWN_TOKEN, "--login-options", "AUTH=XOAUTH2", "--sasl-ir"
            )
            if run.returncode != LOGIN_DENIED:
                raise StepFailed(
                    f"{url}: curl ended with {run.returncode}, not {LOGIN_DENIED} (login denied): {run.stderr.strip()}"
                )
        return "IMAP, POP3 and SMTP: the mechanism is not offered and not accepted"

    def nothing_reached_google(self) -> str:
        """Look at what the look-alike has recorded since."""
        connections = self.world.gmail.control.connections()
        if connections:
            raise StepFailed(f"Google saw {len(connections)} connections")
        return "not one connection"

    def reasons_in_the_log(self) -> str:
        """Look for the reasons in the appliance's log."""
        lines = self.world.appliance.log_lines("login")
        counts = {reason: sum(f" reason={reason} " in line for line in lines) for reason in ("wrong_password", "ip_not_allowed")}
        if any(count < len(MailProtocol) for count in counts.values()):
            raise StepFailed(f"found {counts}")
        return ", ".join(f"{count} x reason={reason}" for reason, count in counts.items())

    # ---- helpers

    def urls(self) -> list[str]:
        """Return the appliance's three services."""
        ports = self.world.ports
        return [f"imaps://localhost:{ports.imaps}/INBOX", f"pop3s://localhost:{ports.pop3s}/1", f"smtps://localhost:{ports.smtps}"]

    def curl(self, url: str, address: str, password: str, *options: str) -> str:
        """Return what curl printed; its failure is the step's."""
        run = self.curl_run(url, "--user", f"{address}:{password}", *options)
        if run.returncode:
            raise StepFailed(f"curl ended with {run.returncode}: {run.stderr.strip()}")
        return run.stdout

    def curl_run(self, url: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run curl as a user would, trusting the demo's CA only."""
        argv = [
            "curl",
            "--silent",
            "--show-error",
            "--cacert",
            str(self.world.authority.ca_file),
            "--max-time",
            str(CURL_TIMEOUT_S),
        ]
        argv += [*options, url]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, env=clean_environment(), timeout=CURL_TIMEOUT_S + 5
        )


def expect_subject(text: str, subject: str) -> str:
    """Check that ``text`` is a message with this subject."""
    if f"Subject: {subject}" not in text:
        raise StepFailed(f"no message with the subject {subject!r} came, but: {text[:200]!r}")
    return f"the message with the subject {subject!r}, {len(text)} characters"


def invitation(world: World) -> str:
    """Return what one needs to point an own mail client at the demo."""
    ports = world.ports
    return (
        f"  server    localhost: IMAPS {ports.imaps}, POP3S {ports.pop3s}, SMTPS {ports.smtps} (SSL/TLS from the first byte)\n"
        f"  CA file   {world.authority.ca_file}\n"
        f"  address   {YUKI.address}   password  {YUKI.password}\n"
        f"  address   {TARO.address}   password  {TARO.password}\n"
        f"  log       {world.appliance.process.log}\n"
        f"  tenant    {world.appliance.conf_d / 'acme.toml'} (edit it: the appliance notices by itself)\n"
    )


def show_mail(*, keep: bool) -> bool:
    """Show the main job, and return whether every step held."""
    with tempfile.TemporaryDirectory(prefix="cgappliance-demo-") as scratch:
        folder = Path(scratch)
        heading("Starting")
        say("  a real OpenLDAP server that knows Yuki and Taro and their passwords")
        say("  a Gmail look-alike that accepts only XOAUTH2 tokens of its own token endpoint")
        say("  the appliance, with one tenant file (shown below)")
        with World(folder) as world:
            say("\n" + "".join(f"    {line}\n" for line in (world.appliance.conf_d / "acme.toml").read_text().splitlines()))
            held = Demo(world, folder).run()
            if keep:
                heading("Left running; press Ctrl-C to end it")
                say(invitation(world))
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return held


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, to point your own mail client at it.")
@click.option(
    "--web", is_flag=True, help="Show the web site instead, until Ctrl-C: prints its address, log-ins, and what to click."
)
@click.option("--once", is_flag=True, help="With --web: only prove that address and log-ins work, and end.")
def main(*, keep: bool, web: bool, once: bool) -> None:
    """Show cgappliance's main job with real programs, or its web site."""
    if keep and web:
        raise click.UsageError("--keep and --web do not go together (--web stays until Ctrl-C by itself)")
    if once and not web:
        raise click.UsageError("--once says something about --web (give both)")
    held = demo_web.show(stay=not once) if web else show_mail(keep=keep)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
