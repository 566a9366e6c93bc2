"""What was found on the way of a mail client: the values of ``check``, and what makes a server Google's."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

GOOGLE: Final = ("google.com", "googlemail.com", "gmail.com")  #: and all names below


class Verdict(enum.StrEnum):
    """Where a client ends up that knows nothing but address and password."""

    APPLIANCE = "appliance"  #: at the appliance, by itself
    BY_HAND = "by hand"  #: nowhere, until somebody types server and ports or installs a profile
    BYPASS = "bypass"  #: at Google, past the appliance
    ELSEWHERE = "elsewhere"  #: at settings that are not the tenant's: they cannot work
    UNKNOWN = "unknown"  #: it could not be looked up


#: Verdicts that somebody has to act upon.
BAD: Final = frozenset({Verdict.BYPASS, Verdict.ELSEWHERE, Verdict.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that a client looks at."""

    what: str  #: "GET https://...", "SRV _imaps._tcp.acme.example"
    found: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of client and one mail domain."""

    domain: str
    client: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that a configuration tells a client to use."""

    protocol: str  #: "imap", "pop3", "smtp"
    host: str
    port: int
    tls: bool  #: from the first byte
    password: bool  #: by password; False: by OAuth or in another way

    def __str__(self) -> str:
        ways = ("" if self.tls else ", not over TLS from the first byte") + ("" if self.password else ", without password")
        return f"{self.protocol} {self.host}:{self.port}{ways}"


def is_google(host: str) -> bool:
    """Tell whether a host is one of Google's."""
    name = host.lower().rstrip(".")
    return any(name == known or name.endswith(f".{known}") for known in GOOGLE)
