from pathlib import Path
from typing import Any

import pytest
from cgappliance_openldap.settings import SETTINGS, check

from cgappliance.plugin_api import REQUIRED, Secret
from cgappliance.testing.lab.certificates import Authority

SETTING = {setting.key: setting for setting in SETTINGS}
GOOD = {
    **{setting.key: setting.default for setting in SETTINGS},
    "servers": ("ldaps://ldap.lab.test",),
    "base_dn": "dc=lab,dc=test",
    "bind_dn": "cn=proxy,dc=lab,dc=test",
    "bind_password_file": Secret("pw"),
}


def mistakes(**changes: Any) -> list[str]:
    return [f"{mistake.key}: {mistake.problem} ({mistake.remedy})" for mistake in check({**GOOD, **changes})]


def problem(key: str, value: str) -> str | None:
    verdict = SETTING[key].check
    assert verdict is not None
    return verdict(value)


def test_good_settings_have_no_mistakes() -> None:
    assert mistakes() == []
    assert REQUIRED not in GOOD.values()


def test_password_in_the_clear_is_a_mistake() -> None:
    assert "would send passwords in the clear" in mistakes(servers=("ldap://ldap.lab.test",))[0]
    assert mistakes(servers=("ldap://ldap.lab.test",), starttls=True) == []


@pytest.mark.parametrize("key", ["base_dn", "bind_dn"])
def test_dn_that_is_none_is_a_mistake(key: str) -> None:
    assert mistakes(**{key: "lab.test"}) == [
        f"{key}: 'lab.test' is no distinguished name (write it like ou=people,dc=example,dc=com)"
    ]


def test_empty_bind_password_is_a_mistake() -> None:
    assert mistakes(bind_password_file=Secret("")) == [
        "bind_password_file: the file is empty (put the password of cn=proxy,dc=lab,dc=test into it)"
    ]


def test_ca_file_without_certificate_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    assert mistakes(ca_file=tmp_path / "empty.pem") == [
        f"ca_file: no certificate can be read from {tmp_path}/empty.pem (give a file of certificates in PEM)"
    ]
    assert mistakes(ca_file=Authority(tmp_path).ca_file) == []


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes(servers=("http://x",), base_dn="x", bind_dn="y", bind_password_file=Secret(""))) == 4


@pytest.mark.parametrize(
    "text",
    ["(objectClass=inetOrgPerson)", "(&(objectClass=person)(!(employeeType=robot)))", "(cn=山田*)", r"(cn=\2a)", "(a:dn:1.2:=b)"],
)
def test_filters_are_accepted(text: str) -> None:
    assert problem("filter", text) is None


@pytest.mark.parametrize("text", ["(objectClass=person", "(a=b))", "(&(a=b)(c=d)", "((a=b))", "(a~b)", "(!(a=b)(c=d))", r"(a=\zz)"])
def test_filter_that_is_none_is_a_mistake(text: str) -> None:
    assert problem("filter", text) == "bad search filter (check its parentheses and operators, RFC 4515)"


def test_filter_without_parentheses_is_a_mistake() -> None:
    assert problem("filter", "objectClass=person") == (
        "the filter does not begin with a parenthesis (write it like (objectClass=inetOrgPerson))"
    )


@pytest.mark.parametrize("text", ["(mail=%s)", "(uid=%u)", "(mail={address})", "(mail={})"])
def test_place_for_the_address_is_a_mistake(text: str) -> None:
    assert problem("filter", text) == (
        "the filter has a place for the address (leave it out; the test of mail_attribute is added to the filter)"
    )


@pytest.mark.parametrize("name", ["mail", "mailAlternateAddress", "x-mail", "0.9.2342.19200300.100.1.3"])
def test_attributes_are_accepted(name: str) -> None:
    assert problem("mail_attribute", name) is None


@pytest.mark.parametrize("name", ["", "mail)(uid=*", "mail;binary", "e mail", "1mail", "mail\n"])
def test_attribute_that_is_none_is_a_mistake(name: str) -> None:
    assert "is no name of an attribute" in (problem("mail_attribute", name) or "")


def test_group_is_a_dn() -> None:
    assert problem("required_group", "cn=mail,ou=groups,dc=lab,dc=test") is None
    assert "is no distinguished name" in (problem("required_group", "mail") or "")
