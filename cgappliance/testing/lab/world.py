"""A whole small world: a directory, a Gmail look-alike and an appliance with one tenant; for the demo and for integration tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cgappliance.testing.gmail.process import GmailProcess
from cgappliance.testing.lab.appliance import AppliancePorts, ApplianceProcess
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.process import free_port
from cgappliance.testing.lab.slapd import Person, Slapd

DOMAIN = "acme.example"
YUKI = Person(f"yuki@{DOMAIN}", 'pass "word" \\ 鍵 1')  #: what the manual's clients could not have: both quotes, and Japanese
TARO = Person(f"taro@{DOMAIN}", "taro's password")

GREETING = f"""\
From: Taro <taro@{DOMAIN}>
To: Yuki <yuki@{DOMAIN}>
Subject: Welcome
Date: Tue, 24 Nov 2026 09:00:00 +0900
Message-ID: <welcome@{DOMAIN}>

Hello Yuki, this message lies at Gmail.
"""


class World:
    """``with World(folder) as world:`` starts all; ``world.ports`` and ``world.authority.ca_file`` are what a client needs."""

    def __init__(
        self,
        folder: Path,
        *,
        people: tuple[Person, ...] = (YUKI, TARO),
        limits: Mapping[str, Any] | None = None,
        workers: int = 1,
        remote_ips: tuple[str, ...] = ("127.0.0.1/32", "::1/128"),
        bare: bool = False,
        web: bool = False,
    ) -> None:
        """Prepare; nothing runs before ``start``.

        Args:
            folder: is made if need be, and holds everything.
            people: who is in the directory and at Gmail.
            limits: of the appliance's ``[limits]`` table.
            workers: the appliance's worker processes.
            remote_ips: what the tenant's profile lets in, and nothing else.
            bare: start the appliance without a tenant file.
            web: with the web site, at ``web_url``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.people = people
        self.remote_ips = remote_ips
        self.bare = bare
        self.ports = AppliancePorts()
        self.authority = Authority(folder)
        self.certificate = self.authority.issue(file="appliance")
        self.slapd = Slapd(folder / "slapd", people=people, authority=self.authority)
        self.bind_password_file = folder / "bind-password"
        self.bind_password_file.touch(mode=0o600)
        self.bind_password_file.write_text(self.slapd.bind_password + "\n")
        self.gmail = GmailProcess(folder / "gmail", self.authority)
        self.web_port = free_port() if web else 0
        pair = f'certificate = "{self.certificate.certificate}"\nprivate_key = "{self.certificate.private_key}"\n'
        extra = f"\n[web]\nport = {self.web_port}\n{pair}" if web else ""
        self.appliance = ApplianceProcess(folder / "appliance", limits=limits, workers=workers, extra=extra)

    @property
    def web_url(self) -> str:
        """Where the tenant's admin site is."""
        return f"https://localhost:{self.web_port}/acme/admin/"

    def tenant_file(self, **changes: str) -> str:
        """Return the tenant file's text; ``changes`` replaces whole tables: ``listen="..."``, ``auth="..."`` and so on."""
        quoted = ", ".join(f'"{network}"' for network in self.remote_ips)
        tables = {
            "top": f'name = "ACME Corporation"\nedition = "light"\ndomains = ["{DOMAIN}"]',
            "listen": (
                f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{self.ports.toml()}'
                f'certificate = "{self.certificate.certificate}"\nprivate_key = "{self.certificate.private_key}"'
            ),
            "auth": (
                f'servers = ["{self.slapd.ldaps_url}"]\nca_file = "{self.authority.ca_file}"\nbase_dn = "{self.slapd.base_dn}"\n'
                f'bind_dn = "{self.slapd.bind_dn}"\nbind_password_file = "{self.bind_password_file}"'
            ),
            "google": (
                f'service_account_file = "{self.gmail.service_account_file}"\nadmin = "api-admin@{DOMAIN}"\n{self.gmail.apis()}'
            ),
            "upstream": f'{self.gmail.upstream()}ca_file = "{self.authority.ca_file}"',
            "policy": 'default_profile = "office"',
            "profiles.office": f'mail_access = ["imap", "pop3", "smtp"]\nremote_ips = [{quoted}]',
            **changes,
        }
        return "".join(f"{text}\n\n" if name == "top" else f"[{name}]\n{text}\n\n" for name, text in tables.items())

    def start(self) -> Self:
        """Start directory, look-alike (with the people's accounts and one message) and appliance, in this order. Blocks."""
        self.slapd.start()
        self.gmail.start()
        for address in dict.fromkeys(person.address for person in self.people):  # two people may share one
            self.gmail.control.add_account(address)
        self.gmail.control.deliver(YUKI.address, GREETING.replace("\n", "\r\n").encode())
        if not self.bare:
            self.appliance.tenant("acme", self.tenant_file())
        self.appliance.start()
        return self

    def stop(self) -> None:
        """Stop all of it, in the other order, and prove that it went."""
        self.appliance.stop()
        self.gmail.stop()
        self.slapd.stop()

    def kill(self) -> None:
        """End all of it at once."""
        for process in (self.appliance.process, self.gmail.process, self.slapd.process):
            process.kill()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()
