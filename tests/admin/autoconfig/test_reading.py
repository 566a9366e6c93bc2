from __future__ import annotations

import pytest

from cgappliance.admin.autoconfig.findings import Server
from cgappliance.admin.autoconfig.outlook import SETTINGS, BadQuestion, Question, answer, refusal
from cgappliance.admin.autoconfig.reading import SERVERS_MAX, outlook_servers, same_servers, thunderbird_servers
from cgappliance.admin.autoconfig.thunderbird import render
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import setup
from tests.admin.conftest import NOW

OURS = render(setup(), "acme.example")
POX = answer(setup(), Question("taro@acme.example", SETTINGS))


def test_what_is_written_is_read_as_the_table():
    assert same_servers(setup(), thunderbird_servers(OURS) or [])
    assert same_servers(setup(), outlook_servers(POX) or [])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"10993", b"993"),
        (b"acme.cloudgate", b"other.cloudgate"),
        (b"SSL", b"STARTTLS"),
        (b"password-cleartext", b"OAuth2"),
    ],
)
def test_another_server_or_way_is_not_the_tables(before: bytes, after: bytes):
    assert not same_servers(setup(), thunderbird_servers(OURS.replace(before, after)) or [])


def test_the_word_for_starttls_is_not_the_tables():
    assert not same_servers(setup(), outlook_servers(POX.replace(b"<Encryption>SSL", b"<Encryption>TLS")) or [])


@pytest.mark.parametrize(
    "protocols", [(MailProtocol.IMAP,), (MailProtocol.SMTP,), (MailProtocol.IMAP, MailProtocol.POP3)], ids="+".join
)
def test_thunderbird_takes_none_that_cannot_both_read_and_send(protocols: tuple[MailProtocol, ...]):
    assert thunderbird_servers(render(setup(*protocols), "acme.example")) is None


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<clientConfig/>", b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + OURS[39:]])
def test_other_pages_are_no_configuration(body: bytes):
    assert (thunderbird_servers(body), outlook_servers(body)) == (None, None)


def test_an_error_of_autodiscover_is_no_configuration():
    assert outlook_servers(refusal(BadQuestion(600, "Invalid Request"), NOW)) is None


def test_a_port_that_is_none_is_0_and_servers_are_counted():
    many = OURS.replace(b">10993<", b">99999999999<").replace(
        b"</emailProvider>", b"<outgoingServer type='smtp'/>" * 100 + b"</emailProvider>"
    )
    found = thunderbird_servers(many) or []
    assert (found[0], len(found)) == (Server("imap", "acme.cloudgate.example", 0, True, True), 2 + SERVERS_MAX)
