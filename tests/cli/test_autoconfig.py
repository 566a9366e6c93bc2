from __future__ import annotations

import json
import plistlib
from pathlib import Path

import pytest

from cgappliance.admin.autoconfig.internet import Page, Unreachable
from tests.cli.conftest import Run
from tests.config.kit import Place, write_pair

RENDER = ("autoconfig", "render", "acme")


class Nobody:
    """An internet where nothing answers, and Google receives the mail."""

    def __init__(self, nameserver: str) -> None:
        assert nameserver in {"", "192.0.2.53"}

    def get(self, _url: str) -> Page:
        raise Unreachable("Name or service not known")

    def post(self, _url: str, _body: bytes, _content_type: str) -> Page:
        raise Unreachable("Name or service not known")

    def lookup(self, _name: str, kind: str) -> list[str]:
        return ["1 smtp.google.com."] if kind == "MX" else []

    def handshake(self, _host: str, _port: int) -> None:
        """Go well."""


@pytest.fixture
def alone(office: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("cgappliance.cli.autoconfig.Outside", Nobody)
    return office


def test_thunderbirds_file_has_what_the_tenant_offers(office: Run):
    result = office(*RENDER, "--format", "thunderbird")
    assert result.exit_code == 0
    assert "<port>10993</port>" in result.output
    assert "outgoingServer" not in result.output  # the tenant listens for IMAP only


def test_outlooks_answer_is_for_an_address(office: Run):
    assert (
        "<LoginName>taro@acme.example</LoginName>"
        in office(*RENDER, "--format", "outlook", "--address", "Taro@ACME.example").output
    )


@pytest.mark.parametrize("form", ["outlook", "apple"])
def test_a_format_for_one_address_needs_it(office: Run, form: str):
    result = office(*RENDER, "--format", form)
    assert (result.exit_code, "add --address" in result.output) == (2, True)


def test_an_address_of_another_domain_is_refused(office: Run):
    result = office(*RENDER, "--format", "outlook", "--address", "taro@other.example")
    assert (result.exit_code, "not a domain of acme" in result.output) == (1, True)


def test_records_are_printed_to_paste(office: Run):
    result = office(*RENDER, "--format", "dns", "--domain", "ACME.example")
    assert "_imaps._tcp.acme.example. 3600 IN SRV 0 1 10993 acme.cloudgate.example.\n" in result.output
    assert office(*RENDER, "--format", "dns", "--domain", "other.example").exit_code == 2


def test_apples_profile_needs_smtp_and_says_so(office: Run):
    result = office(*RENDER, "--format", "apple", "--address", "taro@acme.example")
    assert (result.exit_code, "IMAP or POP3, and SMTP" in result.output) == (1, True)


def test_apples_profile_is_written_to_a_file_and_signed(place: Place, office: Run, tmp_path: Path):
    tenant = place.root / "conf.d/acme.toml"
    tenant.write_text(tenant.read_text().replace("imaps = 10993", "imaps = 10993\nsmtps = 10465"))
    certificate, key = write_pair(tmp_path, "signing.example", stem="signing")
    out = tmp_path / "taro.mobileconfig"
    arguments = (*RENDER, "--format", "apple", "--address", "taro@acme.example", "--output", str(out))
    assert office(*arguments).exit_code == 0
    profile = out.read_bytes()
    assert plistlib.loads(profile)["PayloadContent"][0]["OutgoingMailServerPortNumber"] == 10465
    assert office(*arguments, "--certificate", str(certificate), "--private-key", str(key)).exit_code == 0
    assert b"com.apple.mail.managed" in out.read_bytes() != profile


def test_a_certificate_alone_signs_nothing(office: Run, tmp_path: Path):
    certificate, _ = write_pair(tmp_path, "signing.example", stem="signing")
    assert office(*RENDER, "--format", "thunderbird", "--certificate", str(certificate)).exit_code == 2


def test_a_certificate_of_another_name_keeps_everything_back(place: Place, office: Run):
    write_pair(place.root / "tls", "other.example")
    result = office(*RENDER, "--format", "thunderbird")
    assert (result.exit_code, "does not cover acme.cloudgate.example" in result.output) == (1, True)
    assert "clientConfig" not in result.output


def test_a_client_that_would_go_round_is_told_with_its_way_and_status_1(alone: Run):
    result = alone("autoconfig", "check", "acme", "--nameserver", "192.0.2.53")
    assert result.exit_code == 1
    assert "BYPASS     acme.example: Thunderbird" in result.output
    assert "           -> paste the records of 'cgappliance autoconfig render acme --format dns'" in result.output
    assert "              GET https://autoconfig.acme.example/mail/config-v1.1.xml?emailaddress=" in result.output


def test_json_has_verdicts_and_looks(alone: Run):
    data = json.loads(alone("autoconfig", "check", "acme", "--json").output)
    verdicts = {found["client"]: found["verdict"] for found in data}
    assert (verdicts["every client"], verdicts["Outlook (classic)"]) == ("appliance", "bypass")
    assert data[1]["looks"][-1] == {"what": "MX acme.example", "found": "1 smtp.google.com."}


def test_a_name_server_is_an_address(alone: Run):
    assert alone("autoconfig", "check", "acme", "--nameserver", "ns.example").exit_code == 2
