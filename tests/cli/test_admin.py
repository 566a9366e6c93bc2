from __future__ import annotations

import json

from tests.cli.conftest import Run

PASSWORD = "a sentence that is long\n"


def create(office: Run, *options: str) -> str:
    return office("admin", "create", "acme", "hana", "--password-stdin", *options, stdin=PASSWORD).output


def test_an_administrator_is_created_and_listed(office: Run) -> None:
    assert create(office, "--role", "auditor") == "hana: created, auditor of acme\n"
    (row,) = json.loads(office("admin", "list", "acme", "--json").output)
    assert (row["name"], row["role"], row["second_factor"]) == ("hana", "auditor", False)
    assert "password_hash" not in row
    assert office("admin", "list", "acme").output.splitlines()[1].split()[:3] == ["hana", "auditor", "no"]


def test_a_second_factor_is_printed_once_and_taken_away(office: Run) -> None:
    lines = create(office, "--totp").splitlines()
    assert lines[1].startswith("secret of the second factor: ")
    assert lines[2].startswith("for an app that takes links: otpauth://totp/")
    assert json.loads(office("admin", "list", "acme", "--json").output)[0]["second_factor"]
    assert office("admin", "totp", "acme", "hana", "--off").output == "hana: no second factor any more\n"


def test_role_and_password_are_changed_and_the_administrator_removed(office: Run) -> None:
    create(office)
    assert office("admin", "role", "acme", "hana", "helpdesk").output == "hana: now helpdesk\n"
    changed = office("admin", "passwd", "acme", "hana", "--password-stdin", stdin="another long sentence\n")
    assert changed.output == "hana: password changed\n"
    assert office("admin", "remove", "acme", "hana").output == "hana: removed\n"
    assert json.loads(office("admin", "list", "acme", "--json").output) == []


def test_an_easy_password_is_one_line_and_status_1(office: Run) -> None:
    result = office("admin", "create", "acme", "hana", "--password-stdin", stdin="short\n")
    assert result.exit_code == 1
    assert "password: it has to have 12 to 256 characters" in result.stderr
