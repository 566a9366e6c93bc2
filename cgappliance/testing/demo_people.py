"""Who is in the demo of the web site, and what they have done this week: the same at every run, seen from the moment it is shown.

Names and numbers are fixed, the random generator has a fixed seed; only the clock is the caller's. The IP addresses are of the
networks that RFC 5737 sets aside for documents.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cgappliance.model import MailProtocol, Peer, Reason
from cgappliance.session.record import LoginRecord, SessionEnd
from cgappliance.testing.lab.slapd import Person

DOMAIN: Final = "acme.example"
TENANT: Final = "acme"
ADMINISTRATOR: Final = "hana"
ADMINISTRATOR_PASSWORD: Final = "cherry trees in the rain"
HELPDESK: Final = "kei"
USER: Final = Person(f"yuki@{DOMAIN}", "Rivers-run-2-the-sea")
LOCKED: Final = f"ren.nakamura@{DOMAIN}"
DISABLED: Final = f"daiki.kato@{DOMAIN}"
#: Seen by the screenshots too: somebody whose mail client Google would not let in.
WITHOUT_POP: Final = f"aya.yamamoto@{DOMAIN}"
API_ADMIN: Final = f"api-admin@{DOMAIN}"

#: Everybody with an account; the password of all but the user is nobody's business here.
PEOPLE: Final = (
    USER,
    *(
        Person(f"{name}@{DOMAIN}", f"{name} has a long password 7")
        for name in (
            *("taro.kato", "hanako.suzuki", "kenji.tanaka", "mika.ito", "sota.watanabe", "aya.yamamoto", "ren.nakamura"),
            *("yui.kobayashi", "daiki.kato", "rin.yoshida", "haruto.yamada", "info", "sales"),
        )
    ),
)

#: Already in the directory, and not yet an account: what the next synchronisation would add.
NEWCOMERS: Final = tuple(Person(f"{name}@{DOMAIN}", f"{name} has a long password 7") for name in ("akari.mori", "tsubasa.inoue"))

#: Another company on the same appliance, whose users bring app passwords of their own.
OTHER_TENANT: Final = "blossom"
OTHER_DOMAIN: Final = "blossom.example"
OTHER_USER: Final = Person(f"mei@{OTHER_DOMAIN}", "Plum-blossom-3-winds")

#: Profiles made by the administrator; "office" stands in the tenant file.
PROFILES: Final[dict[str, list[dict[str, Any]]]] = {
    "branch offices": [
        {
            "protocols": ["pop3", "imap", "smtp"],
            "networks": [
                {"network": "198.51.100.0/24", "remark": "Osaka"},
                {"network": "192.0.2.64/26", "remark": "Fukuoka"},
                {"network": "127.0.0.0/8", "remark": "this demo"},
            ],
            "remark": "from the branches' networks",
        }
    ],
    "travel": [
        {
            "allow": False,
            "protocols": ["imap", "smtp"],
            "networks": [{"network": "192.0.2.128/25", "remark": "hotel of last year"}],
            "remark": "never from there",
        },
        {"protocols": ["imap", "smtp"], "windows": ["mon-fri 07:00-22:00", "sat 08:00-13:00"], "remark": "anywhere, by day"},
    ],
    "web only": [{"allow": False, "protocols": ["pop3", "imap", "smtp"], "remark": "Gmail in the browser, no mail client"}],
}

#: Profile of those who do not have the default.
PROFILE_OF: Final = {
    f"kenji.tanaka@{DOMAIN}": "branch offices",
    f"rin.yoshida@{DOMAIN}": "branch offices",
    f"sota.watanabe@{DOMAIN}": "travel",
    f"sales@{DOMAIN}": "travel",
    f"info@{DOMAIN}": "web only",
}

DAYS: Final = 4  #: of history
STEP: Final = timedelta(minutes=20)
_CLIENTS: Final = (
    "Thunderbird 140.5.0",
    "Microsoft Outlook 16.0",
    "Mac OS X Mail 16.0",
    "iPhone Mail 18.1",
    "Thunderbird 128.14.0",
)
_OFFICE, _BRANCH, _ELSEWHERE = "203.0.113.", "198.51.100.", "192.0.2."


@dataclass(frozen=True, slots=True)
class Attempt:
    """One login of the history, and what became of its session; None: it was refused."""

    at: datetime
    record: LoginRecord
    end: SessionEnd | None


def attempts(shown_at: datetime) -> Iterator[Attempt]:
    """Yield the history up to a moment, oldest first; the hours of the day are those of the moment's own time zone."""
    dice = random.Random(2016)  # seeded: the same people do the same at every run
    begin = shown_at - timedelta(days=DAYS)
    for number in range(int(timedelta(days=DAYS) / STEP)):
        at = begin + number * STEP
        for second in sorted(dice.randrange(int(STEP.total_seconds())) for _ in range(_how_many(at, dice))):
            yield _attempt(at + timedelta(seconds=second), f"demo-{number}-{second}", dice)


def _how_many(at: datetime, dice: random.Random) -> int:
    """Return how many logins begin in one step: many in the morning, few at night and at the weekend."""
    busy = 5 if at.hour in (8, 9) else 3 if 10 <= at.hour <= 18 else 1
    return dice.randint(0, busy) if at.weekday() < 5 else dice.randint(0, 1)


def _attempt(at: datetime, session: str, dice: random.Random) -> Attempt:
    number = dice.randrange(len(PEOPLE))
    address, client = PEOPLE[number].address, _CLIENTS[number % len(_CLIENTS)]
    protocol = dice.choices([MailProtocol.IMAP, MailProtocol.SMTP, MailProtocol.POP3], [70, 22, 8])[0]
    network = _BRANCH if PROFILE_OF.get(address) == "branch offices" else _OFFICE
    reason = _reason(at, address, dice)
    if reason is Reason.IP_NOT_ALLOWED:
        network = _ELSEWHERE
    peer = Peer(ipaddress.ip_address(f"{network}{20 + number}"), 40_000 + dice.randrange(20_000))
    record = LoginRecord(
        session=session,
        tenant=TENANT,
        protocol=protocol,
        local_port={MailProtocol.IMAP: 10993, MailProtocol.SMTP: 10465, MailProtocol.POP3: 10995}[protocol],
        peer=peer,
        tls_version="TLSv1.3",
        client=client,
        login=address,
        address=address,
        reason=reason,
        phases_ms={"tls": 31.0, "policy": 0.4, "directory": 9.0, "upstream": 180.0},
        total_ms=float(dice.randint(180, 420)),
    )
    if reason is not Reason.ACCEPTED:
        return Attempt(at, record, None)
    seconds = dice.uniform(300, 3000) if protocol is MailProtocol.IMAP else dice.uniform(2, 40)
    return Attempt(at, record, SessionEnd("client", "", dice.randint(900, 60_000), dice.randint(20_000, 4_000_000), seconds))


def _reason(at: datetime, address: str, dice: random.Random) -> Reason:
    """Return what becomes of a login; one night the directory was down for its maintenance."""
    if address == DISABLED:
        return Reason.DISABLED
    if address == f"info@{DOMAIN}":
        return Reason.PROTOCOL_OFF
    if at.hour in (2, 3):
        return Reason.DIRECTORY_UNAVAILABLE
    kinds = {Reason.ACCEPTED: 92, Reason.WRONG_PASSWORD: 4, Reason.IP_NOT_ALLOWED: 4}
    return dice.choices(list(kinds), list(kinds.values()))[0]
