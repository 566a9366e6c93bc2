from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cgappliance_active_directory.settings import SETTINGS, check, group_filter, user_filter
from ldap3.operation.search import compile_filter, parse_filter

from cgappliance.plugin_api import Secret

INJECTIONS = ["*", "*)(mail=*", "a)(|(mail=*", "a\\2a", "a\x00b", "a))(|(cn=*", "&(a", "山*田"]


def settings(**changed: Any) -> dict[str, Any]:
    values = {setting.key: setting.default for setting in SETTINGS}
    values |= {"servers": ("ldaps://dc1",), "base_dn": "DC=acme,DC=example"}
    return values | {"bind_dn": "svc@acme.example", "bind_password_file": Secret("x")} | changed


def problem_of(key: str, value: str) -> str | None:
    (setting,) = (setting for setting in SETTINGS if setting.key == key)
    assert setting.check is not None
    return setting.check(value)


def leaves(filter_: str) -> list[tuple[str, bytes]]:
    """Return what a server would compare: attribute and value, after all escaping is undone."""
    node = parse_filter(filter_, None, False, False, None, False)
    compiled = compile_filter(node.elements[0])
    matches = [part["equalityMatch"] for part in compiled["and"] if part.getName() == "equalityMatch"]
    return [(str(match["attributeDesc"]), bytes(match["assertionValue"])) for match in matches]


def test_good_settings_hold_no_mistake() -> None:
    assert check(settings()) == []


def test_mistakes_of_shared_and_own_settings_are_found_at_once() -> None:
    mistakes = check(settings(servers=("ldap://dc1",), base_dn="acme.example"))
    assert [mistake.key for mistake in mistakes] == ["servers[0]", "base_dn"]


@pytest.mark.parametrize("account", ["CN=svc,DC=acme,DC=example", "svc@acme.example", "ACME\\svc"])
def test_search_account_may_be_written_in_each_way_of_active_directory(account: str) -> None:
    assert check(settings(bind_dn=account)) == []


def test_search_account_without_its_domain_is_a_mistake() -> None:
    (mistake,) = check(settings(bind_dn="svc"))
    assert mistake.key == "bind_dn"


def test_empty_password_of_the_search_account_is_a_mistake() -> None:
    (mistake,) = check(settings(bind_password_file=Secret("")))
    assert mistake.key == "bind_password_file"


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_ca_file_without_a_certificate_is_a_mistake(tmp_path: Path, text: str) -> None:
    (tmp_path / "ca.pem").write_text(text)
    (mistake,) = check(settings(ca_file=tmp_path / "ca.pem"))
    assert mistake.key == "ca_file"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("mail", b"a@acme.example"), ("userPrincipalName", b"a@acme.example"), ("proxyAddresses", b"smtp:a@acme.example")],
)
def test_login_is_looked_for_in_the_attribute_of_the_tenant(attribute: str, value: bytes) -> None:
    assert leaves(user_filter(settings(login_attribute=attribute), "a@acme.example")) == [(attribute, value)]


@pytest.mark.parametrize("login", INJECTIONS)
def test_login_cannot_change_the_filter(login: str) -> None:
    assert leaves(user_filter(settings(), login)) == [("mail", login.encode())]


def test_users_own_filter_is_kept_whole() -> None:
    assert user_filter(settings(user_filter="(|(a=1)(b=2))"), "x") == "(&(|(a=1)(b=2))(mail=x))"


def test_group_filter_follows_nested_groups_and_escapes_the_name() -> None:
    assert group_filter("CN=Mail (all)*,DC=x") == "(memberOf:1.2.840.113556.1.4.1941:=CN=Mail \\28all\\29\\2a,DC=x)"


@pytest.mark.parametrize("value", ["(objectClass=user)", "(&(objectClass=user)(!(department=Sales)))", "(memberOf:1.2.3:=CN=x)"])
def test_filter_that_ldap_understands_is_accepted(value: str) -> None:
    assert problem_of("user_filter", value) is None


@pytest.mark.parametrize("value", ["objectClass=user", "(objectClass=user", "(a=b)(c=d)", "()", ""])
def test_filter_that_ldap_does_not_understand_is_refused_with_a_remedy(value: str) -> None:
    problem = problem_of("user_filter", value)
    assert problem is not None
    assert "is no LDAP filter" in problem
    assert "(write one such as" in problem


@pytest.mark.parametrize("value", ["(mail=%s)", "(&(objectClass=user)(mail={login}))", "(uid=%u)", "(mail={})"])
def test_filter_with_a_place_for_the_login_name_is_refused(value: str) -> None:
    problem = problem_of("user_filter", value)
    assert problem is not None
    assert "leave it out" in problem


@pytest.mark.parametrize(("value", "good"), [("CN=Mail\\, all,DC=x", True), ("Mail", False), ("CN=Mail,,DC=x", False)])
def test_group_must_be_a_dn(value: str, good: bool) -> None:
    problem = problem_of("required_group", value)
    assert (problem is None) is good
