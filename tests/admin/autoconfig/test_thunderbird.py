from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from cgappliance.admin.autoconfig.thunderbird import render
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import HELP, HOST, PORTS, setup

COMBINATIONS = [some for size in (1, 2, 3) for some in combinations(MailProtocol, size)]
READING = (MailProtocol.IMAP, MailProtocol.POP3)


def provider(*protocols: MailProtocol, **changes: str) -> ET.Element:
    found = ET.fromstring(render(setup(*protocols, **changes), "acme.example")).find("emailProvider")
    assert found is not None
    return found


@pytest.mark.parametrize("protocols", COMBINATIONS, ids="+".join)
def test_the_servers_are_those_of_the_table_in_order_of_preference(protocols: tuple[MailProtocol, ...]):
    found = [(server.tag, server.get("type"), server.findtext("port")) for server in provider(*protocols) if server.get("type")]
    reading = [("incomingServer", name.value, str(PORTS[name])) for name in READING if name in protocols]
    sending = [("outgoingServer", "smtp", "10465")] if MailProtocol.SMTP in protocols else []
    assert found == reading + sending


@pytest.mark.parametrize("kind", ["incomingServer", "outgoingServer"])
def test_a_server_has_the_elements_of_mozillas_database_in_their_order(kind: str):
    server = provider().find(kind)
    assert [(part.tag, part.text) for part in server][:5] == [
        ("hostname", HOST),
        ("port", server.findtext("port")),
        ("socketType", "SSL"),
        ("username", "%EMAILADDRESS%"),
        ("authentication", "password-cleartext"),
    ]


def test_oauth_is_never_offered():
    assert b"oauth" not in render(setup(), "acme.example").lower()


def test_pop3_leaves_nothing_on_the_server():
    assert provider().findtext("incomingServer[@type='pop3']/pop3/leaveMessagesOnServer") == "false"


def test_the_domain_asked_for_is_the_only_one():
    assert (provider().get("id"), [domain.text for domain in provider().findall("domain")]) == ("acme.example", ["acme.example"])


def test_long_names_are_cut_to_the_drafts_lengths():
    found = provider(name="株式会社" * 20)
    assert (len(found.findtext("displayName")), len(found.findtext("displayShortName"))) == (60, 20)


def test_markup_in_a_name_is_text():
    assert provider(name="A <b>& B").findtext("displayName") == "A <b>& B"


def test_version_1_1_and_utf_8_without_bom():
    rendered = render(setup(name="アクメ"), "acme.example")
    assert rendered.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<clientConfig version=\"1.1\">")
    assert "アクメ".encode() in rendered


def test_the_set_up_page_is_linked_where_there_is_one():
    assert provider().find("documentation").get("url") == HELP
    assert provider(help_url="").find("documentation") is None
