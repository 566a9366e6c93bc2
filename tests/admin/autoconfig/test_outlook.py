from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from cgappliance.admin.autoconfig.outlook import (
    ENVELOPE,
    REQUEST_MAX,
    SETTINGS,
    BadQuestion,
    Question,
    answer,
    ask,
    parse,
    pointer,
    refusal,
)
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import HOST, PORTS, setup

COMBINATIONS = [some for size in (1, 2, 3) for some in combinations(MailProtocol, size)]
ADDRESS = "taro@acme.example"
MOBILE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
A = f"{{{SETTINGS}}}"


def protocols(*wanted: MailProtocol) -> list[dict[str, str]]:
    root = ET.fromstring(answer(setup(*wanted), Question(ADDRESS, SETTINGS)))
    found = root.findall(f"{A}Response/{A}Account/{A}Protocol")
    return [{part.tag.removeprefix(A): part.text for part in protocol} for protocol in found]


def test_what_outlook_asks_is_understood():
    assert parse(ask("Taro@ACME.example")) == Question("Taro@ACME.example", SETTINGS)
    assert Question("Taro@ACME.example", SETTINGS).domain == "acme.example"


@pytest.mark.parametrize("wanted", COMBINATIONS, ids="+".join)
def test_the_protocols_are_those_of_the_table(wanted: tuple[MailProtocol, ...]):
    assert [(found["Type"], found["Server"], found["Port"]) for found in protocols(*wanted)] == [
        (name.upper(), HOST, str(PORTS[MailProtocol(name)])) for name in ("imap", "pop3", "smtp") if MailProtocol(name) in wanted
    ]


def test_tls_is_from_the_first_byte_in_the_words_that_outlook_knows():
    for found in protocols():
        assert (found["SSL"], found["Encryption"], found["SPA"], found["DomainRequired"]) == ("on", "SSL", "off", "off")


def test_the_login_name_is_the_address_and_sending_needs_it_too():
    imap, _, smtp = protocols()
    assert (imap["LoginName"], imap["AuthRequired"], smtp["LoginName"]) == (ADDRESS, "on", ADDRESS)
    assert (smtp["UsePOPAuth"], smtp["SMTPLast"], "UsePOPAuth" in imap) == ("on", "off", False)


def test_the_answer_is_in_the_schema_that_was_asked_for():
    root = ET.fromstring(answer(setup(), Question(ADDRESS, SETTINGS)))
    assert (root.tag, root[0].tag) == (f"{{{ENVELOPE}}}Autodiscover", f"{A}Response")
    assert (root.findtext(f".//{A}AccountType"), root.findtext(f".//{A}Action")) == ("email", "settings")


def test_another_schema_has_no_provider():
    with pytest.raises(BadQuestion) as caught:
        parse(ask(ADDRESS).replace(SETTINGS.encode(), MOBILE.encode()))
    assert caught.value.code == 601


def test_markup_in_an_address_stays_text():
    question = parse(ask("<x>&@acme.example"))
    assert ET.fromstring(answer(setup(), question)).findtext(f".//{A}LoginName") == "<x>&@acme.example"


BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
FILE = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def with_prologue(prologue: bytes, address: str = "&c;@acme.example") -> bytes:
    return prologue + ask("PLACE").split(b"\n", 1)[1].replace(b"PLACE", address.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        b"<Autodiscover/>",
        b"\xff\xfe\x00",
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        b"<?xml version='1.0' encoding='shift_jis'?><a>\x83</a>",
        with_prologue(BOMB),
        with_prologue(FILE, "&a;@acme.example"),
        with_prologue(b"<!DOCTYPE a>", ADDRESS),
        with_prologue(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">', ADDRESS),
        with_prologue(b"", "&undefined;@acme.example"),
        b"<a>" * (REQUEST_MAX // 3),
        b"<a>" * 2000 + b"</a>" * 2000,
        ask(ADDRESS) + b" " * REQUEST_MAX,
        ask("no address"),
        ask("@acme.example"),
        ask("taro@"),
        ask("taro@acme.example\nx"),
        ask("a" * 320 + "@acme.example"),
    ],
    ids=range(19),
)
def test_what_is_no_question_is_an_invalid_request(body: bytes):
    with pytest.raises(BadQuestion) as caught:
        parse(body)
    assert caught.value.code == 600


def test_a_refusal_has_code_and_message_and_repeats_nothing():
    error = BadQuestion(600, "Invalid Request")
    root = ET.fromstring(refusal(error, datetime(2026, 11, 24, 3, 4, 5, tzinfo=UTC)))
    told = root.find(f"{{{ENVELOPE}}}Response/{{{ENVELOPE}}}Error")
    assert told.get("Time") == "03:04:05.000000"
    assert [part.text for part in told] == ["600", "Invalid Request", None]


def test_version_2_points_to_the_xml():
    url = "https://autodiscover.acme.example/autodiscover/autodiscover.xml"
    assert pointer("AutodiscoverV1", url) == (200, {"Protocol": "Autodiscoverv1", "Url": url})


@pytest.mark.parametrize(("protocol", "code"), [("", "MandatoryParameterMissing"), ("ActiveSync", "InvalidProtocol")])
def test_version_2_knows_no_other_protocol(protocol: str, code: str):
    status, told = pointer(protocol, "https://x/")
    assert (status, told["ErrorCode"]) == (400, code)


def test_version_2_repeats_a_strangers_words_in_bounds():
    assert len(pointer("x" * 10_000, "https://x/")[1]["ErrorMessage"]) < 400
