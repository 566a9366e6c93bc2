"""DNS records of a mail domain, to paste into its zone: the names that clients look up (RFC 6186, RFC 8314 and the web's).

SRV records carry no user name, and without DNSSEC they can be forged: few clients use them. But the services that are not
offered are said to be so by the target ``.``, so that no client goes on guessing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cgappliance.admin.autoconfig.table import HTTPS_PORT, MailSetup
from cgappliance.model import MailProtocol

TTL_S: Final = 3600  #: an hour: after a change of ports nobody waits for longer
NOTHING: Final = "."  #: as the target of an SRV record: decidedly not offered (RFC 2782, RFC 6186 3.4)

#: Implicit TLS (RFC 8314 3.3), with the priority among what reads mail: IMAP first (RFC 6186 3.4).
OFFERED: Final = (
    ("_imaps._tcp", MailProtocol.IMAP, 0),
    ("_pop3s._tcp", MailProtocol.POP3, 10),
    ("_submissions._tcp", MailProtocol.SMTP, 0),
)
NOT_OFFERED: Final = ("_imap._tcp", "_pop3._tcp", "_submission._tcp")  #: they begin in the clear
WEB_NAMES: Final = ("autoconfig", "autodiscover")


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    name: str  #: with its final dot
    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} {TTL_S} IN {self.kind} {self.value}"


def records(setup: MailSetup, domain: str) -> list[Record]:
    """Return the records of one domain of a tenant."""
    return [*_web_names(setup, domain), *_services(setup, domain)]


def zone(setup: MailSetup, domain: str) -> str:
    """Return the records as lines of a zone file, explained."""
    lines = [
        f"; mail clients of {domain}, for its zone",
        f"; {' and '.join(f'{name}.{domain}' for name in WEB_NAMES)} must reach the appliance's web site on port {HTTPS_PORT}, "
        "with a certificate for both names",
    ]
    if _is_address(setup.host):
        lines.append(f"; {setup.host} is an address: SRV records need a name, so that there are none")
    return "\n".join([*lines, *map(str, records(setup, domain))]) + "\n"


def _web_names(setup: MailSetup, domain: str) -> Iterator[Record]:
    for name in WEB_NAMES:
        if _is_address(setup.host):
            kind = "AAAA" if ":" in setup.host else "A"
            yield Record(f"{name}.{domain}.", kind, setup.host)
        else:
            yield Record(f"{name}.{domain}.", "CNAME", f"{setup.host}.")


def _services(setup: MailSetup, domain: str) -> Iterator[Record]:
    if _is_address(setup.host):
        return
    ports = {service.protocol: service.port for service in setup.services}
    for label, protocol, priority in OFFERED:
        value = f"{priority} 1 {ports[protocol]} {setup.host}." if protocol in ports else f"0 0 0 {NOTHING}"
        yield Record(f"{label}.{domain}.", "SRV", value)
    for label in NOT_OFFERED:
        yield Record(f"{label}.{domain}.", "SRV", f"0 0 0 {NOTHING}")
    yield Record(f"_autodiscover._tcp.{domain}.", "SRV", f"0 0 {HTTPS_PORT} {setup.host}.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
