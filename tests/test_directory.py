from __future__ import annotations

from typing import Any

import pytest

from cgappliance.directory import MAX_SERVERS, DirectoryServer, check_directory, directory_servers


def settings(*servers: str, starttls: bool = False) -> dict[str, Any]:
    return {"servers": servers, "starttls": starttls}


@pytest.mark.parametrize(
    ("url", "server", "shown"),
    [
        ("ldaps://dc1.acme.example", DirectoryServer("dc1.acme.example", 636, starttls=False), "ldaps://dc1.acme.example:636"),
        (
            "ldaps://dc1.acme.example:3269/",
            DirectoryServer("dc1.acme.example", 3269, starttls=False),
            "ldaps://dc1.acme.example:3269",
        ),
        ("ldap://10.0.0.1", DirectoryServer("10.0.0.1", 389, starttls=True), "ldap://10.0.0.1:389"),
        ("ldaps://[2001:db8::1]:10636", DirectoryServer("2001:db8::1", 10636, starttls=False), "ldaps://[2001:db8::1]:10636"),
    ],
)
def test_url_becomes_a_server_that_shows_as_one(url: str, server: DirectoryServer, shown: str) -> None:
    parsed = directory_servers(settings(url))
    assert parsed == (server,)
    assert str(parsed[0]) == shown


def test_good_servers_are_no_mistake() -> None:
    assert check_directory(settings("ldaps://dc1", "ldaps://dc2", "ldaps://dc1:10636")) == []
    assert check_directory(settings("ldap://dc1", "ldap://dc2", starttls=True)) == []


@pytest.mark.parametrize(
    ("url", "starttls", "problem"),
    [
        ("http://dc1", False, "scheme 'http' not allowed"),
        ("dc1.acme.example", False, "scheme '' not allowed"),
        ("ldap://dc1", False, "in the clear"),
        ("ldaps://dc1", True, "has TLS already"),
        ("ldaps://", False, "names no host"),
        ("ldaps://dc1:0", False, "names no host and port"),
        ("ldaps://dc1:99999", False, "is no URL"),
        ("ldaps://[::1", False, "is no URL"),
        ("ldaps://dc1/dc=acme", False, "more than host and port"),
        ("ldaps://proxy:secret@dc1", False, "holds an account"),
        ("ldaps://dc1?x", False, "more than host and port"),
    ],
)
def test_bad_server_is_named_with_its_problem(url: str, starttls: bool, problem: str) -> None:
    good = "ldap://good" if starttls else "ldaps://good"
    (mistake,) = check_directory(settings(good, url, starttls=starttls))
    assert mistake.key == "servers[1]"
    assert problem in mistake.problem
    assert mistake.remedy


@pytest.mark.parametrize("url", ["ldaps://proxy:hunter2@dc1", "http://proxy:hunter2@dc1:x", "ldaps://proxy:hunter2@[dc1"])
def test_password_in_a_url_is_not_repeated(url: str) -> None:
    (mistake,) = check_directory(settings(url))
    assert "hunter2" not in mistake.problem


def test_server_that_stands_twice_is_a_mistake() -> None:
    (mistake,) = check_directory(settings("ldaps://dc1", "ldaps://dc1:636"))
    assert mistake.key == "servers[1]"


@pytest.mark.parametrize(("count", "mistakes"), [(0, 1), (1, 0), (MAX_SERVERS, 0), (MAX_SERVERS + 1, 1)])
def test_number_of_servers_is_bounded(count: int, mistakes: int) -> None:
    found = check_directory(settings(*(f"ldaps://dc{number}" for number in range(count))))
    assert [mistake.key for mistake in found] == ["servers"] * mistakes
