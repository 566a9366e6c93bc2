"""Tables with what a test needs, and the internet as a fake that answers from dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cgappliance.admin.autoconfig.internet import Page, Unreachable
from cgappliance.admin.autoconfig.table import PREFERENCE, MailService, MailSetup
from cgappliance.model import MailProtocol

PORTS = {MailProtocol.IMAP: 10993, MailProtocol.POP3: 10995, MailProtocol.SMTP: 10465}
HOST = "acme.cloudgate.example"
HELP = "https://acme.cloudgate.example/acme/setup"


def setup(*protocols: MailProtocol, host: str = HOST, name: str = "ACME Corporation", help_url: str = HELP) -> MailSetup:
    wanted = protocols or PREFERENCE
    services = tuple(MailService(protocol, host, PORTS[protocol]) for protocol in PREFERENCE if protocol in wanted)
    return MailSetup("acme", name, "ja", ("acme.example",), services, help_url)


@dataclass
class FakeInternet:
    """Pages by address (without their question), records by kind and name; what is in neither does not answer."""

    pages: Mapping[str, Page | bytes] = field(default_factory=dict)
    records: Mapping[str, list[str]] = field(default_factory=dict)
    dumb: Collection[str] = ()  #: questions to the DNS that are not answered
    closed: Collection[int] = ()  #: ports
    asked: list[str] = field(default_factory=list)

    def get(self, url: str) -> Page:
        return self._page("GET", url)

    def post(self, url: str, body: bytes, content_type: str) -> Page:
        assert content_type.startswith("text/xml")
        return self._page("POST", url)

    def _page(self, method: str, url: str) -> Page:
        self.asked.append(f"{method} {url}")
        found = self.pages.get(f"{method} {url.partition('?')[0]}")
        if found is None:
            raise Unreachable("Name or service not known")
        return found if isinstance(found, Page) else Page(url, 200, found)

    def lookup(self, name: str, kind: str) -> list[str]:
        if f"{kind} {name}" in self.dumb:
            raise Unreachable("the DNS did not answer")
        return self.records.get(f"{kind} {name}", [])

    def handshake(self, host: str, port: int) -> None:
        if port in self.closed:
            raise Unreachable("Connection refused")
