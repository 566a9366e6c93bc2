"""A look-alike for the parts of the doctor that ask Gmail, and ways to read what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cgappliance.model import HostPort, MailProtocol, Tenant, Upstream
from cgappliance.testing.gmail import GmailLookAlike
from cgappliance.testing.lab.certificates import Authority

YUKI = "yuki@acme.example"
PORTS = {MailProtocol.IMAP: "imaps", MailProtocol.POP3: "pop3s", MailProtocol.SMTP: "smtps"}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("doctor-ca"))


@pytest.fixture
def gmail(authority: Authority) -> Iterator[GmailLookAlike]:
    """With yuki, who has an app password."""
    with GmailLookAlike(authority.issue(file="gmail")) as gmail:
        account = gmail.state.directory.add(YUKI)
        gmail.state.directory.add_app_password(account, "cgappliance", "qwertyuiopasdfgh")
        yield gmail


@pytest.fixture
def at_gmail(acme: Tenant, gmail: GmailLookAlike, authority: Authority) -> Tenant:
    """A tenant that offers all three protocols, and whose mail lives at the look-alike."""
    servers = {protocol: HostPort("localhost", gmail.ports[name]) for protocol, name in PORTS.items()}
    ports = {MailProtocol.IMAP: 10993, MailProtocol.POP3: 10995, MailProtocol.SMTP: 10465}
    return replace(
        acme, upstream=Upstream(servers, authority.ca_file), listen=replace(acme.listen, hostname="localhost", ports=ports)
    )
