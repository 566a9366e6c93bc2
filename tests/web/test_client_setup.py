from __future__ import annotations

import plistlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cgappliance.admin.autoconfig.outlook import ENVELOPE, REQUEST_MAX, SETTINGS, ask
from cgappliance.admin.autoconfig.reading import outlook_servers, thunderbird_servers
from cgappliance.config.load import load_settings
from cgappliance.config.values import WebSettings
from cgappliance.model import MailProtocol, Tenant
from cgappliance.store.engine import Store
from cgappliance.testing.stores import sqlite_store
from cgappliance.web.app import create_app
from cgappliance.web.services import Services
from tests.admin.autoconfig.tables import HOST, PORTS
from tests.config.kit import Place, write_pair
from tests.policy.factories import profile, tenant

PATHS = ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"]
POX = "/autodiscover/autodiscover.xml"
WEB = WebSettings(("127.0.0.1",), 8443, True, None, None, (), 1800.0, 36_000.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with sqlite_store(tmp_path) as store:
        yield store


def offering(folder: Path, name: str, domain: str, *names: str, **changes: Any) -> Tenant:
    (folder / name).mkdir()
    certificate, key = write_pair(folder / name, *(names or (f"{name}.cloudgate.example",)))
    made = tenant(id=name, domains=frozenset({domain}), profiles={"office": profile()}, fingerprint=f"{name}-1", **changes)
    listen = replace(made.listen, hostname=f"{name}.cloudgate.example", ports=PORTS, certificate=certificate, private_key=key)
    return replace(made, listen=listen)


@pytest.fixture
def services(store: Store, tmp_path: Path) -> Services:
    (tmp_path / "etc").mkdir()
    place = Place(tmp_path / "etc")
    nobody: Any = None
    tenants = [offering(tmp_path, "acme", "acme.example"), offering(tmp_path, "blossom", "blossom.example")]
    settings = load_settings(place.toml)
    return Services(
        settings, WEB, store, nobody, nobody, nobody, nobody, nobody, nobody, b"k" * 32, tenants={one.id: one for one in tenants}
    )


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def get(client: FlaskClient, path: str, host: str = "autoconfig.acme.example") -> TestResponse:
    return client.get(path, base_url=f"https://{host}/")


def post(client: FlaskClient, body: bytes, path: str = POX) -> TestResponse:
    return client.post(path, data=body, base_url="https://autodiscover.acme.example/", content_type="text/xml")


# ---- Thunderbird


@pytest.mark.parametrize("path", PATHS)
def test_thunderbird_gets_the_tenants_servers(client: FlaskClient, path: str):
    answer = get(client, f"{path}?emailaddress=taro%40acme.example")
    assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")
    assert [(server.protocol, server.host, server.port) for server in thunderbird_servers(answer.data) or []] == [
        ("imap", HOST, 10993),
        ("pop3", HOST, 10995),
        ("smtp", HOST, 10465),
    ]


@pytest.mark.parametrize("host", ["autoconfig.acme.example", "ACME.example:8443", "acme.cloudgate.example", "acme.example."])
def test_without_an_address_the_host_name_tells_the_domain(client: FlaskClient, host: str):
    assert b"<domain>acme.example</domain>" in get(client, PATHS[0], host).data


def test_the_address_wins_over_the_host_name(client: FlaskClient):
    assert b"<domain>blossom.example</domain>" in get(client, f"{PATHS[0]}?emailaddress=X%40Blossom.Example").data


@pytest.mark.parametrize(
    "address", ["taro@acme.example", "nobody@acme.example", "acme.example", "'; --@acme.example", "\0@acme.example"]
)
def test_every_address_of_a_domain_gets_the_same_answer(client: FlaskClient, address: str):
    known = get(client, PATHS[0])
    assert client.get(PATHS[0], query_string={"emailaddress": address}, base_url="https://x.example/").data == known.data


@pytest.mark.parametrize(("host", "address"), [("other.example", ""), ("[::1", ""), ("autoconfig.acme.example", "x@other.example")])
def test_other_domains_are_not_here(client: FlaskClient, host: str, address: str):
    answer = client.get(PATHS[0], query_string={"emailaddress": address}, headers={"Host": host})
    assert answer.status_code in {400, 404}
    assert b"acme" not in answer.data


def test_a_tenant_without_profiles_tells_nothing(client: FlaskClient, services: Services):
    services.tenants = {"acme": replace(services.tenants["acme"], profiles={})}
    assert get(client, PATHS[0]).status_code == 404


def test_a_protocol_that_no_profile_allows_is_not_told(client: FlaskClient, services: Services):
    some = profile(access=frozenset({MailProtocol.IMAP, MailProtocol.SMTP}))
    services.tenants = {"acme": replace(services.tenants["acme"], profiles={"office": some})}
    assert [server.protocol for server in thunderbird_servers(get(client, PATHS[0]).data) or []] == ["imap", "smtp"]


def test_a_certificate_of_another_name_keeps_everything_back(client: FlaskClient, services: Services, tmp_path: Path):
    services.tenants = {"other": offering(tmp_path, "other", "other.example", "wrong.example")}
    assert get(client, PATHS[0], "other.example").status_code == 404
    assert b"<ErrorCode>601</ErrorCode>" in post(client, ask("taro@other.example")).data


def test_a_certificate_is_looked_at_again_when_the_tenant_changes(client: FlaskClient, services: Services, tmp_path: Path):
    wrong = offering(tmp_path, "other", "other.example", "wrong.example")
    services.tenants = {"other": wrong}
    assert get(client, PATHS[0], "other.example").status_code == 404
    write_pair(tmp_path / "other", "other.cloudgate.example")
    assert get(client, PATHS[0], "other.example").status_code == 404  # not for every stranger's question
    services.tenants = {"other": replace(wrong, fingerprint="other-2")}
    assert get(client, PATHS[0], "other.example").status_code == 200


# ---- Outlook


@pytest.mark.parametrize("path", [POX, "/Autodiscover/Autodiscover.xml", "/AUTODISCOVER/AutoDiscover.XML"])
def test_outlook_gets_the_tenants_servers_by_any_case_of_the_path(client: FlaskClient, path: str):
    answer = post(client, ask("taro@acme.example"), path)
    assert [server.port for server in outlook_servers(answer.data) or []] == [10993, 10995, 10465]


def test_outlooks_answers_differ_in_the_address_alone(client: FlaskClient):
    one, two = (post(client, ask(f"{name}@acme.example")).data for name in ("taro", "nobody"))
    assert one.replace(b"taro@", b"nobody@") == two


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + ask("&b;@acme.example")[39:], b" " * (REQUEST_MAX + 1)]
)
def test_what_is_no_question_gets_an_error_of_outlooks_own(client: FlaskClient, body: bytes):
    answer = post(client, body)
    assert answer.status_code == 200
    assert ET.fromstring(answer.data).findtext(f".//{{{ENVELOPE}}}ErrorCode") == "600"


@pytest.mark.parametrize("address", ["taro@other.example", "taro@ACME.example.org"])
def test_a_domain_of_nobody_has_no_provider(client: FlaskClient, address: str):
    assert b"<ErrorCode>601</ErrorCode>" in post(client, ask(address)).data


def test_the_schema_is_that_of_the_question(client: FlaskClient):
    assert f'xmlns="{SETTINGS}"'.encode() in post(client, ask("taro@acme.example")).data


def test_outlook_is_sent_from_the_plain_page_to_the_certificates_name(client: FlaskClient):
    answer = client.get(POX, base_url="http://autodiscover.acme.example/")
    assert (answer.status_code, answer.location) == (302, f"https://{HOST}:8443{POX}")
    assert get(client, POX).status_code == 405


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.json/v1.0/taro@acme.example", "/Autodiscover/Autodiscover.json"])
def test_version_2_points_to_version_1(client: FlaskClient, path: str):
    answer = get(client, f"{path}?Protocol=AutodiscoverV1&Email=taro%40acme.example")
    assert answer.get_json() == {"Protocol": "Autodiscoverv1", "Url": f"https://{HOST}:8443{POX}"}


def test_version_2_refuses_in_its_own_words(client: FlaskClient):
    assert get(client, "/autodiscover/autodiscover.json?Protocol=ActiveSync").get_json()["ErrorCode"] == "InvalidProtocol"
    assert get(client, "/autodiscover/autodiscover.json?Email=x%40other.example").status_code == 404


# ---- Apple


def test_a_profile_is_handed_out_for_any_address_of_the_tenant(client: FlaskClient):
    answer = get(client, "/acme/setup/apple?address=Taro%2Bx%40ACME.example", HOST)
    assert (answer.status_code, answer.content_type) == (200, "application/x-apple-aspen-config")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="taro+x@acme.example.mobileconfig"'
    assert plistlib.loads(answer.data)["PayloadContent"][0]["EmailAddress"] == "taro+x@acme.example"


def test_a_profile_is_signed_where_the_site_has_a_certificate_for_it(client: FlaskClient, services: Services, tmp_path: Path):
    certificate, key = write_pair(tmp_path, "signing.example", stem="signing")
    services.web = replace(services.web, profile_certificate=certificate, profile_private_key=key)
    signed = get(client, "/acme/setup/apple?address=taro@acme.example", HOST).data
    assert signed.startswith(b"\x30")  # DER
    assert b"com.apple.mail.managed" in signed


def test_without_a_usable_signature_the_profile_comes_unsigned(client: FlaskClient, services: Services, tmp_path: Path):
    services.web = replace(services.web, profile_certificate=tmp_path / "none.crt", profile_private_key=tmp_path / "none.key")
    assert plistlib.loads(get(client, "/acme/setup/apple?address=taro@acme.example", HOST).data)
