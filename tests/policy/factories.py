"""Tenants, profiles and logins with everything allowed, for tests to take one thing away."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cgappliance.model import (
    Credentials,
    HostPort,
    Listen,
    MailProtocol,
    Network,
    PluginChoice,
    Profile,
    Tenant,
    Upstream,
)
from cgappliance.secret import Secret


def profile(*networks: str, access: frozenset[MailProtocol] = frozenset(MailProtocol), name: str = "office") -> Profile:
    return Profile(name, access, tuple(Network(ipaddress.ip_network(text)) for text in networks))


def tenant(**changes: Any) -> Tenant:
    made = Tenant(
        id="acme",
        name="ACME Corporation",
        edition="sso",
        domains=frozenset({"acme.example"}),
        listen=Listen("acme.cloudgate.example", ("127.0.0.1",), {MailProtocol.IMAP: 10993}, Path("a.crt"), Path("a.key")),
        auth=PluginChoice("fake"),
        google=PluginChoice("fake"),
        upstream=Upstream({MailProtocol.IMAP: HostPort("imap.gmail.com", 993)}),
        timezone=ZoneInfo("Asia/Tokyo"),
        language="ja",
    )
    return dataclasses.replace(made, **changes)


def credentials(address: str = "taro@acme.example", **changes: Any) -> Credentials:
    return dataclasses.replace(Credentials(address, address, Secret("pw"), "PLAIN"), **changes)
