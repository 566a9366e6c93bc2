from __future__ import annotations

import dataclasses

import pytest

from cgappliance.admin.autoconfig import check as ways
from cgappliance.admin.autoconfig.check import check
from cgappliance.admin.autoconfig.findings import Finding, Verdict
from cgappliance.admin.autoconfig.internet import Page
from cgappliance.admin.autoconfig.outlook import SETTINGS, Question, answer
from cgappliance.admin.autoconfig.records import records
from cgappliance.admin.autoconfig.thunderbird import render
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import HELP, FakeInternet, setup

CONFIG = "GET https://autoconfig.acme.example/mail/config-v1.1.xml"
WELL_KNOWN = "GET https://acme.example/.well-known/autoconfig/mail/config-v1.1.xml"
PLAIN = "GET http://autoconfig.acme.example/mail/config-v1.1.xml"
DISCOVER = "POST https://autodiscover.acme.example/autodiscover/autodiscover.xml"
OURS = render(setup(), "acme.example")
POX = answer(setup(), Question("someone@acme.example", SETTINGS))
GOOGLE_MX = {"MX acme.example": ["1 smtp.google.com.", "10 alt1.aspmx.l.google.com."]}
OTHER_MX = {"MX acme.example": ["20 b.example.", "5 mx.mail.provider.example."]}
GMAIL = OURS.replace(b"acme.cloudgate.example", b"imap.gmail.com").replace(b"password-cleartext", b"OAuth2")
SRV = {f"SRV {record.name.rstrip('.')}": [record.value] for record in records(setup(), "acme.example") if record.kind == "SRV"}


def ending(client: str, internet: FakeInternet, *protocols: MailProtocol) -> Finding:
    return next(found for found in check(setup(*protocols), internet) if found.client == client)


def thunderbird(**answers: object) -> Finding:
    return ending(ways.THUNDERBIRD, FakeInternet(**answers))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "where", [CONFIG, WELL_KNOWN, PLAIN, "GET http://acme.example/.well-known/autoconfig/mail/config-v1.1.xml"]
)
def test_thunderbird_comes_to_the_appliance_by_each_of_its_four_pages(where: str):
    assert thunderbird(pages={where: OURS}, records=GOOGLE_MX).verdict is Verdict.APPLIANCE


def test_thunderbird_without_a_configuration_goes_straight_to_google():
    found = thunderbird(records=GOOGLE_MX)
    assert (found.verdict, found.looks[-1].what) == (Verdict.BYPASS, "MX acme.example")
    assert "straight to imap.gmail.com" in found.sentence
    assert "cgappliance autoconfig render acme --format dns" in found.remedy


def test_thunderbird_asks_for_the_domain_alone_before_it_looks_at_the_mx():
    internet = FakeInternet(records=GOOGLE_MX)
    check(setup(), internet, "taro@acme.example")
    question = "?emailaddress=taro%40acme.example"
    assert internet.asked[:5] == [
        f"{CONFIG}{question}",
        f"{WELL_KNOWN}{question}",
        f"{PLAIN}{question}",
        f"GET http://acme.example/.well-known/autoconfig/mail/config-v1.1.xml{question}",
        "GET https://autoconfig.thunderbird.net/v1.1/acme.example",
    ]


def test_a_page_that_is_no_configuration_hides_those_behind_it():
    found = thunderbird(pages={CONFIG: b"<html>soon here</html>", WELL_KNOWN: OURS}, records=GOOGLE_MX)
    assert (found.verdict, found.looks[0].found) == (Verdict.BYPASS, "no configuration that it takes")


def test_a_page_that_is_not_found_hides_nothing():
    found = thunderbird(pages={CONFIG: Page("https://x/", 404, b""), WELL_KNOWN: OURS}, records=GOOGLE_MX)
    assert (found.verdict, found.looks[0].found) == (Verdict.APPLIANCE, "status 404")


def test_a_configuration_that_names_google_is_a_way_round():
    found = thunderbird(pages={CONFIG: GMAIL})
    assert found.verdict is Verdict.BYPASS
    assert "imap imap.gmail.com:10993, without password" in found.sentence


def test_mozillas_database_can_name_google_for_the_domain():
    assert thunderbird(pages={f"GET {ways.ISPDB}acme.example": GMAIL}).verdict is Verdict.BYPASS


def test_old_ports_are_told_apart():
    found = thunderbird(pages={CONFIG: OURS.replace(b"10993", b"20993")})
    assert (found.verdict, "imap acme.cloudgate.example:20993" in found.sentence) == (Verdict.ELSEWHERE, True)


@pytest.mark.parametrize("domain", ["mail.provider.example", "provider.example"])
def test_an_mx_of_another_provider_is_looked_up_in_mozillas_database(domain: str):
    found = thunderbird(pages={f"GET {ways.ISPDB}{domain}": GMAIL}, records=OTHER_MX)
    assert found.verdict is Verdict.BYPASS


def test_with_an_mx_that_nobody_knows_people_type():
    assert thunderbird(records=OTHER_MX).verdict is Verdict.BY_HAND


def test_without_the_dns_nothing_is_said():
    assert thunderbird(dumb={"MX acme.example"}).verdict is Verdict.UNKNOWN


def test_a_tenant_without_smtp_is_told_that_thunderbird_takes_no_such_configuration():
    pages = {CONFIG: render(setup(MailProtocol.IMAP), "acme.example")}
    found = ending(ways.THUNDERBIRD, FakeInternet(pages, GOOGLE_MX), MailProtocol.IMAP)
    assert found.verdict is Verdict.BYPASS
    assert "cannot both read and send" in found.sentence


@pytest.mark.parametrize("where", [DISCOVER, "POST https://acme.example/autodiscover/autodiscover.xml"])
def test_outlook_comes_to_the_appliance(where: str):
    found = ending(ways.OUTLOOK, FakeInternet({where: POX}, GOOGLE_MX))
    assert found.verdict is Verdict.APPLIANCE
    assert "Microsoft's cloud first" in found.sentence


def test_outlook_follows_the_redirection_of_the_plain_page():
    target = "https://acme.cloudgate.example/autodiscover/autodiscover.xml"
    pages = {"GET http://autodiscover.acme.example/autodiscover/autodiscover.xml": Page(target, 200, b""), f"POST {target}": POX}
    assert ending(ways.OUTLOOK, FakeInternet(pages)).verdict is Verdict.APPLIANCE


def test_outlook_follows_the_srv_record():
    pages = {"POST https://acme.cloudgate.example/autodiscover/autodiscover.xml": POX}
    assert ending(ways.OUTLOOK, FakeInternet(pages, SRV)).verdict is Verdict.APPLIANCE


def test_outlook_without_a_configuration_offers_googles_login():
    assert ending(ways.OUTLOOK, FakeInternet(records=GOOGLE_MX)).verdict is Verdict.BYPASS


def test_an_encryption_that_means_starttls_is_found():
    found = ending(ways.OUTLOOK, FakeInternet({DISCOVER: POX.replace(b"<Encryption>SSL", b"<Encryption>TLS")}))
    assert (found.verdict, "not over TLS from the first byte" in found.sentence) == (Verdict.ELSEWHERE, True)


def test_new_outlook_cannot_be_steered():
    found = ending(ways.NEW_OUTLOOK, FakeInternet(records=GOOGLE_MX))
    assert (found.verdict, "random password" in found.remedy) == (Verdict.BY_HAND, True)


@pytest.mark.parametrize(
    ("pages", "words"),
    [({f"GET {HELP}": b"<html>"}, "install the profile from"), ({}, "does not answer")],
)
def test_apples_profile_has_to_be_fetched_from_a_page(pages: dict[str, bytes], words: str):
    found = ending(ways.APPLE, FakeInternet(pages))
    assert (found.verdict, words in found.sentence) == (Verdict.BY_HAND, True)


def test_without_a_site_there_is_no_profile_to_install():
    found = check(dataclasses.replace(setup(), help_url=""), FakeInternet())
    assert next(one for one in found if one.client == ways.APPLE).remedy == "add [web] to cgappliance.toml"


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, Verdict.APPLIANCE),
        ({"SRV _imaps._tcp.acme.example": ["5 9 10993 acme.cloudgate.example."]}, Verdict.APPLIANCE),
        ({"SRV _imaps._tcp.acme.example": []}, Verdict.APPLIANCE),
        ({"SRV _imaps._tcp.acme.example": ["0 0 993 imap.gmail.com."]}, Verdict.BYPASS),
        ({"SRV _imap._tcp.acme.example": ["0 0 143 imap.old.example."]}, Verdict.ELSEWHERE),
        ({"SRV _imaps._tcp.acme.example": [*SRV["SRV _imaps._tcp.acme.example"], "0 0 993 x.example."]}, Verdict.ELSEWHERE),
    ],
)
def test_srv_records_are_compared(changed: dict[str, list[str]], verdict: Verdict):
    assert ending(ways.SRV, FakeInternet(records={**SRV, **changed})).verdict is verdict


def test_no_srv_record_is_no_harm_and_a_dumb_dns_is_told():
    assert ending(ways.SRV, FakeInternet()).verdict is Verdict.BY_HAND
    assert ending(ways.SRV, FakeInternet(dumb={"SRV _pop3s._tcp.acme.example"})).verdict is Verdict.UNKNOWN


def test_ports_that_do_not_answer_are_told():
    assert ending(ways.EVERY, FakeInternet()).verdict is Verdict.APPLIANCE
    found = ending(ways.EVERY, FakeInternet(closed={10465}))
    assert (found.verdict, found.looks[2].found) == (Verdict.ELSEWHERE, "Connection refused")
