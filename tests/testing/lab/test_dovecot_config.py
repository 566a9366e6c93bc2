from __future__ import annotations

import base64
from pathlib import Path

import pytest

from cgappliance.testing.lab.dovecot_config import Mailbox, Ports, Wanted, files

VERSIONS = ["2.3.19.1", "2.4.1"]


def wanted(introspection_url: str = "") -> Wanted:
    return Wanted(Path("/lab"), "someone", "somegroup", "127.0.0.1", Ports(10993, 10995, 10024, 10026), introspection_url)


@pytest.mark.parametrize("version", VERSIONS)
def test_configuration_names_ports_and_folder(version: str) -> None:
    text = files(version, wanted(), [])["dovecot.conf"]
    assert all(f"port = {port}" in text for port in (10993, 10995, 10024, 10026))
    assert "base_dir = /lab/run" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_tokens_are_only_offered_when_somebody_can_be_asked(version: str) -> None:
    assert "xoauth2" not in files(version, wanted(), [])["dovecot.conf"]
    assert "auth_mechanisms = plain login xoauth2" in files(version, wanted("http://127.0.0.1:1/"), [])["dovecot.conf"]


def test_each_version_is_told_of_the_endpoint_where_it_looks() -> None:
    endpoint = "introspection_url = http://127.0.0.1:1/"
    assert endpoint in files("2.3.19.1", wanted("http://127.0.0.1:1/"), [])["oauth2.conf"]
    assert endpoint in files("2.4.1", wanted("http://127.0.0.1:1/"), [])["dovecot.conf"]


def test_new_version_is_told_its_own_language() -> None:
    assert files("2.4.1", wanted(), [])["dovecot.conf"].startswith("dovecot_config_version = 2.4")
    assert "dovecot_config_version" not in files("2.3.21", wanted(), [])["dovecot.conf"]


def test_password_may_hold_what_separates_fields() -> None:
    (line,) = files("2.4.1", wanted(), [Mailbox("Yuki@Lab.test", "a:b c\n")])["passwd"].splitlines()
    address, password, *rest = line.split(":")
    assert (address, rest) == ("yuki@lab.test", [""] * 6)
    assert base64.b64decode(password.removeprefix("{PLAIN.b64}")) == b"a:b c\n"
