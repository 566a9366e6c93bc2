from __future__ import annotations

import json

import pytest

from cgappliance.admin.doctor import Finding, State
from tests.cli.conftest import Run

WHO = ("explain", "acme", "yuki@acme.example", "--protocol", "imap")


def test_a_login_that_would_be_let_in_is_status_0(office: Run):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    result = office(*WHO, "--ip", "203.0.113.9")
    assert result.exit_code == 0
    assert "1 *     allow   yes" in result.output
    assert result.output.endswith("the directory would be asked for the password\n")


def test_a_refused_one_tells_the_rule_and_the_clients_words(office: Run):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    result = office(*WHO, "--ip", "198.51.100.1")
    assert result.exit_code == 1
    assert "refused by 'remote address'" in result.output
    assert "the client sees: NO [AUTHENTICATIONFAILED] You are not allowed to access this server" in result.output


def test_json_holds_every_rule(office: Run):
    result = office(*WHO, "--ip", "2001:db8::1", "--at", "2026-12-01 22:10", "--json")
    data = json.loads(result.output)
    assert (data["decision"], data["decided_by"], data["profile"], data["rules"]) == ("no_profile", "profile", None, [])
    assert next(line["rule"] for line in data["lines"]) == "list of accounts"


def test_an_address_that_is_none_is_status_2(office: Run):
    assert office(*WHO, "--ip", "123.456.78.90").exit_code == 2


@pytest.fixture
def outside_says(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What directory, Google and Gmail say."""
    says = [Finding("directory entry", State.OK, "found")]
    monkeypatch.setattr("cgappliance.cli.explain.look_outside", lambda *_: iter(says))
    return says


def test_nobody_is_asked_unless_told_so(office: Run, outside_says: list[Finding]):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    assert "directory entry" not in office(*WHO, "--ip", "203.0.113.9").output
    assert "live" not in json.loads(office(*WHO, "--ip", "203.0.113.9", "--json").output)


def test_live_answers_come_behind_the_rules(office: Run, outside_says: list[Finding]):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    result = office(*WHO, "--ip", "203.0.113.9", "--live")
    assert result.output.endswith("password\n\nok       directory entry  found\n")
    assert result.exit_code == 0
    outside_says.append(Finding("login at Gmail", State.PROBLEM, "refused", "reset it"))
    data = office(*WHO, "--ip", "203.0.113.9", "--live", "--json")
    assert [finding["topic"] for finding in json.loads(data.output)["live"]] == ["directory entry", "login at Gmail"]
    assert data.exit_code == 1
