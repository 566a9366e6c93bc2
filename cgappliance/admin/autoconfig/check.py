"""Which mail client comes to the appliance by itself, and which one would go to Google: each one's way, walked in its order.

A tenant's MX is Google's. A client that finds no configuration for the domain asks who receives its mail, finds Google, and sets
itself up with Google's own login: past every rule of the appliance. Nobody notices, least of all the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final
from urllib.parse import urlencode

from cgappliance.admin.autoconfig import outlook
from cgappliance.admin.autoconfig.findings import Finding, Look, Server, Verdict, is_google
from cgappliance.admin.autoconfig.internet import Internet, Page, Unreachable
from cgappliance.admin.autoconfig.reading import outlook_servers, same_servers, thunderbird_servers
from cgappliance.admin.autoconfig.records import NOT_OFFERED, NOTHING, OFFERED, records
from cgappliance.admin.autoconfig.table import HTTPS_PORT, MailSetup

THUNDERBIRD: Final = "Thunderbird, K-9, Evolution, KMail"
OUTLOOK: Final = "Outlook (classic)"
NEW_OUTLOOK: Final = "Outlook (new, and for phones)"
APPLE: Final = "Apple Mail, iPhone, iPad"
SRV: Final = "clients that use SRV records"
EVERY: Final = "every client"

ISPDB: Final = "https://autoconfig.thunderbird.net/v1.1/"  #: Mozilla's database of providers

_PASTE: Final = (
    "paste the records of 'cgappliance autoconfig render {tenant} --format dns', and let the web site answer for these names"
)


def check(setup: MailSetup, internet: Internet, address: str = "") -> list[Finding]:
    """Return where each kind of client ends up, for each domain of a tenant. Blocks on the internet, up to minutes.

    Args:
        setup: what the tenant would tell.
        internet: to look at.
        address: to ask for; "": one that nobody needs to have, since the answers must not depend on it.
    """
    found = [_ports(setup, internet)]
    for domain in setup.domains:
        asked = address if address.endswith(f"@{domain}") else f"someone@{domain}"
        walk = _Walk(setup, internet, domain, asked)
        found += [walk.thunderbird(), walk.outlook(), walk.new_outlook(), walk.apple(), walk.srv()]
    return found


def _ports(setup: MailSetup, internet: Internet) -> Finding:
    """Connect as each client will, whatever told it to."""
    looks = []
    for service in setup.services:
        what = f"TLS {service.host}:{service.port} ({service.protocol.value})"
        try:
            internet.handshake(service.host, service.port)
        except Unreachable as problem:
            looks.append(Look(what, str(problem)))
        else:
            looks.append(Look(what, _GOOD))
    if all(look.found == _GOOD for look in looks):
        return Finding("", EVERY, Verdict.APPLIANCE, "all ports answer with a certificate for their name", looks=tuple(looks))
    return Finding(
        "",
        EVERY,
        Verdict.ELSEWHERE,
        "would be told of a server that it cannot use",
        "start the appliance, open the ports, or renew the certificate; a CA of your own must be trusted on this machine too",
        tuple(looks),
    )


_GOOD: Final = "good"


class _Walk:
    """The ways of all clients of one domain; what one has looked up the next need not."""

    def __init__(self, setup: MailSetup, internet: Internet, domain: str, address: str) -> None:
        self._setup = setup
        self._internet = internet
        self._domain = domain
        self._address = address
        self._looks: list[Look] = []
        self._mx: list[str] | None = None

    # ---- Thunderbird

    def thunderbird(self) -> Finding:
        """Walk as Thunderbird 153 does: four pages of the domain, Mozilla's database, and both for the MX."""
        self._looks = []
        question = f"?{urlencode({'emailaddress': self._address})}"
        pages = [
            f"{scheme}://{place}/mail/config-v1.1.xml{question}"
            for scheme in ("https", "http")
            for place in (f"autoconfig.{self._domain}", f"{self._domain}/.well-known/autoconfig")
        ]
        servers = self._first_page(pages) or self._first_page([f"{ISPDB}{self._domain}"])
        if servers is not None:
            return self._judged(THUNDERBIRD, servers)
        if self._mail_is_googles():
            return self._finding(
                THUNDERBIRD,
                Verdict.BYPASS,
                "finds no configuration, sees that Google receives the mail, and sets itself up straight to imap.gmail.com"
                + self._unsendable(),
                self._paste,
            )
        servers = self._first_page([f"{ISPDB}{place}" for place in self._mx_domains()])
        if servers is not None:
            return self._judged(THUNDERBIRD, servers)
        return self._nothing(THUNDERBIRD)

    def _unsendable(self) -> str:
        if self._setup.incoming and self._setup.outgoing is not None:
            return ""
        return "; it takes no configuration that cannot both read and send, and no profile of the tenant allows both"

    def _first_page(self, urls: list[str]) -> list[Server] | None:
        """Return the servers of the first page that answers 200: a wrong one there hides those behind it."""
        for url in urls:
            page = self._fetched(f"GET {url}", partial(self._internet.get, url))
            if page is not None and page.status == 200:
                servers = thunderbird_servers(page.body)
                self._saw(f"GET {url}", "no configuration that it takes" if servers is None else _listed(servers))
                return servers
        return None

    # ---- Outlook

    def outlook(self) -> Finding:
        """Walk as Outlook does that asks the domain itself: two pages, a redirection, an SRV record."""
        self._looks = []
        servers = next(filter(None, map(self._autodiscovered, self._autodiscover_pages())), None)
        if servers is not None:
            finding = self._judged(OUTLOOK, servers)
            if finding.verdict is Verdict.APPLIANCE:
                note = "; versions since 2016 may ask Microsoft's cloud first, and then want server and ports typed in"
                return self._finding(OUTLOOK, Verdict.APPLIANCE, finding.sentence + note)
            return finding
        if self._mail_is_googles():
            return self._finding(
                OUTLOOK,
                Verdict.BYPASS,
                "finds no configuration, and offers Google's own login because Google receives the mail",
                self._paste,
            )
        return self._nothing(OUTLOOK)

    def _autodiscover_pages(self) -> Iterator[str]:
        yield f"https://{self._domain}{outlook.PATH}"
        yield f"https://autodiscover.{self._domain}{outlook.PATH}"
        plain = f"http://autodiscover.{self._domain}{outlook.PATH}"
        page = self._fetched(f"GET {plain}", partial(self._internet.get, plain))
        if page is not None and page.url.startswith("https://"):
            yield page.url
        for target, port in self._targets(f"_autodiscover._tcp.{self._domain}"):
            yield f"https://{target}{'' if port == HTTPS_PORT else f':{port}'}{outlook.PATH}"

    def _autodiscovered(self, url: str) -> list[Server] | None:
        body = outlook.ask(self._address)
        page = self._fetched(f"POST {url}", partial(self._internet.post, url, body, outlook.CONTENT_TYPE))
        servers = outlook_servers(page.body) if page is not None and page.status == 200 else None
        if page is not None and page.status == 200:
            self._saw(f"POST {url}", "no mail settings" if servers is None else _listed(servers))
        return servers

    # ---- those that ask nobody whom we could be

    def new_outlook(self) -> Finding:
        """Say what cannot be steered: these ask Microsoft's cloud, which knows the MX."""
        self._looks = []
        if self._mail_is_googles():
            sentence = (
                "asks Microsoft's cloud, which offers Google's own login; with server and ports typed in, it keeps the password "
                "there and connects from Microsoft's addresses"
            )
            return self._finding(NEW_OUTLOOK, Verdict.BY_HAND, sentence, _CLOSE_GOOGLE)
        return self._finding(NEW_OUTLOOK, Verdict.BY_HAND, "asks Microsoft's cloud; server and ports have to be typed in")

    def apple(self) -> Finding:
        """Look whether the page is there from which people get their profile."""
        self._looks = []
        url = self._setup.help_url
        if not url:
            return self._finding(
                APPLE, Verdict.BY_HAND, "looks nothing up; there is no web site with the profile", "add [web] to cgappliance.toml"
            )
        page = self._fetched(f"GET {url}", partial(self._internet.get, url))
        if page is None or page.status != 200:
            sentence = f"looks nothing up, and the page with the profile ({url}) does not answer"
            return self._finding(APPLE, Verdict.BY_HAND, sentence, "let the web site be reached from outside")
        return self._finding(APPLE, Verdict.BY_HAND, f"looks nothing up: people install the profile from {url}", _CLOSE_GOOGLE)

    # ---- SRV

    def srv(self) -> Finding:
        """Compare the SRV records with the table's."""
        self._looks = []
        wanted = {record.name: record.value for record in records(self._setup, self._domain) if record.kind == "SRV"}
        labels = [f"{label}.{self._domain}" for label in (*(label for label, _, _ in OFFERED), *NOT_OFFERED)]
        found = {f"{label}.": self._records(label, "SRV") for label in labels}
        if any(records is None for records in found.values()):
            return self._finding(SRV, Verdict.UNKNOWN, "the DNS did not answer", "try again")
        if not any(found.values()):
            return self._finding(SRV, Verdict.BY_HAND, "finds no record; few clients use them", self._paste)
        astray = [name for name, values in found.items() if values and not _same(values, wanted.get(name, NOTHING))]
        if any(is_google(value.split()[-1]) for name in astray for value in found[name] or ()):
            return self._finding(SRV, Verdict.BYPASS, f"is sent to Google by {', '.join(astray)}", self._paste)
        if astray:
            return self._finding(
                SRV, Verdict.ELSEWHERE, f"finds other servers than the tenant's at {', '.join(astray)}", self._paste
            )
        return self._finding(SRV, Verdict.APPLIANCE, "finds the tenant's servers and ports")

    # ---- what they share

    @property
    def _paste(self) -> str:
        return _PASTE.format(tenant=self._setup.tenant)

    def _judged(self, client: str, servers: list[Server]) -> Finding:
        if same_servers(self._setup, servers):
            return self._finding(client, Verdict.APPLIANCE, "sets itself up with the tenant's servers and ports")
        google = [server for server in servers if is_google(server.host)]
        if google:
            return self._finding(client, Verdict.BYPASS, f"sets itself up straight to Google: {_listed(google)}", self._paste)
        sentence = f"is told something else than the tenant's servers: {_listed(servers)}"
        return self._finding(client, Verdict.ELSEWHERE, sentence, "remove the old configuration, or let the appliance answer there")

    def _nothing(self, client: str) -> Finding:
        if self._mx is None:
            return self._finding(
                client, Verdict.UNKNOWN, "finds no configuration; whose the mail is could not be looked up", "try again"
            )
        return self._finding(client, Verdict.BY_HAND, "finds no configuration: server and ports have to be typed in", self._paste)

    def _mail_is_googles(self) -> bool:
        return any(is_google(host) for host in self._mx_hosts())

    def _mx_hosts(self) -> list[str]:
        self._mx = self._records(self._domain, "MX") if self._mx is None else self._mx
        by_preference = sorted((value.split() for value in self._mx or ()), key=lambda parts: int(parts[0]))
        return [parts[-1].rstrip(".").lower() for parts in by_preference]

    def _mx_domains(self) -> list[str]:
        """Return the domains that Thunderbird makes of the first MX: without its first label, and the registered one.

        The registered one has two labels or three; asking for both is simpler than to know the list of public suffixes.
        """
        labels = [host.split(".") for host in self._mx_hosts()[:1]]
        names = [".".join(parts) for host in labels for parts in (host[1:], host[-2:], host[-3:]) if len(parts) > 1]
        return list(dict.fromkeys(names))

    def _targets(self, name: str) -> list[tuple[str, int]]:
        parts = [value.split() for value in self._records(name, "SRV") or ()]
        return [(part[3].rstrip("."), int(part[2])) for part in parts if len(part) == 4 and part[3] != NOTHING]

    def _records(self, name: str, kind: str) -> list[str] | None:
        try:
            found = self._internet.lookup(name, kind)
        except Unreachable as problem:
            self._saw(f"{kind} {name}", str(problem))
            return None
        self._saw(f"{kind} {name}", ", ".join(found) or "no record")
        return found

    def _fetched(self, what: str, fetch: Callable[[], Page]) -> Page | None:
        try:
            page = fetch()
        except Unreachable as problem:
            self._saw(what, str(problem))
            return None
        if page.status != 200:
            self._saw(what, f"status {page.status}")
        return page

    def _saw(self, what: str, found: str) -> None:
        self._looks.append(Look(what, found))

    def _finding(self, client: str, verdict: Verdict, sentence: str, remedy: str = "") -> Finding:
        return Finding(self._domain, client, verdict, sentence, remedy, tuple(self._looks))


_CLOSE_GOOGLE: Final = (
    "close the way round at Google: a random password that nobody knows, or POP and IMAP for listed OAuth clients only"
)


def _listed(servers: list[Server]) -> str:
    return "; ".join(map(str, servers))


def _same(found: list[str], wanted: str) -> bool:
    """Tell whether there is one record, with the port and target of ``wanted``; priority and weight do not matter then."""
    return (len(found) == 1 and found[0].lower().split()[-2:] == wanted.split()[-2:]) or (found == [] and wanted.endswith(NOTHING))
