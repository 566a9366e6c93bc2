from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cgappliance.config.load import load_settings
from cgappliance.store.engine import Store
from cgappliance.store.history_writer import HistoryWriter
from tests.cli.conftest import Run
from tests.config.kit import Place
from tests.store.records import record


@pytest.fixture
def rules(place: Place) -> Any:
    """Writes rules to a file and returns its name."""

    def write(*written: Any) -> str:
        path: Path = place.root / "rules.json"
        path.write_text(json.dumps(written))
        return str(path)

    return write


def log_in(place: Place) -> None:
    with Store.open(load_settings(place.toml).store) as store:
        writer = HistoryWriter(store, node="n1", incarnation="i1")
        writer.start()
        writer.login(record())
        writer.stop(5)


def test_profiles_are_listed_with_where_they_stand(office: Run, rules: Any):
    office("profile", "create", "acme", "home", "--rules", rules({"protocols": ["imap"]}))
    rows = json.loads(office("profile", "list", "acme", "--json").output)
    assert [(row["name"], row["read_only"], row["mail_access"]) for row in rows] == [
        ("home", False, ["imap"]),
        ("office", True, ["imap", "pop3", "smtp"]),
    ]
    table = office("profile", "list", "acme").output
    assert "made here" in table
    assert "tenant file" in table


def test_what_is_shown_can_be_edited_and_read_back(office: Run, place: Place):
    office("profile", "copy", "acme", "office", "home")
    shown = office("profile", "show", "acme", "home").output
    assert json.loads(shown)[0]["networks"] == [{"network": "203.0.113.0/24", "remark": ""}]
    (place.root / "rules.json").write_text(shown.replace("203.0.113.0/24", "198.51.100.0/24"))
    assert office("profile", "edit", "acme", "home", "--rules", str(place.root / "rules.json")).output == "home: changed\n"
    assert "198.51.100.0/24" in office("profile", "show", "acme", "home").output


def test_mistakes_in_rules_are_all_told(office: Run, rules: Any):
    result = office("profile", "create", "acme", "x", "--rules", rules({"protocols": ["imap"], "networks": ["123.456.78.90", "x"]}))
    assert [line.partition(":")[0] for line in result.output.splitlines()] == ["rules[0].networks[0]", "rules[0].networks[1]"]
    assert result.exit_code == 1


def test_rules_that_are_no_json_are_told(office: Run, place: Place):
    (place.root / "rules.json").write_text("allow all")
    result = office("profile", "create", "acme", "x", "--rules", str(place.root / "rules.json"))
    assert "rules.json: this is no JSON" in result.output
    assert result.exit_code == 1


def test_sessions_that_would_end_are_told_and_asked_about(office: Run, place: Place, rules: Any):
    office("profile", "create", "acme", "home", "--rules", rules({"protocols": ["imap"]}))
    office("account", "create", "acme", "yuki@acme.example", "--profile", "home")
    log_in(place)
    pop3 = ("profile", "edit", "acme", "home", "--rules", rules({"protocols": ["pop3"]}))
    assert office(*pop3, "--dry-run").output.endswith("1 live sessions would end\n")
    refused = office(*pop3)
    assert "yuki@acme.example: imap from 192.0.2.7 ends" in refused.output
    assert refused.exit_code == 1
    assert office("profile", "show", "acme", "home").output.count("imap") == 1
    assert office(*pop3, "--yes").output.endswith("home: changed\n")


def test_a_profile_is_applied_and_deleted_when_nobody_has_it(office: Run, rules: Any):
    office("profile", "create", "acme", "home", "--rules", rules({"protocols": ["imap"]}))
    office("account", "create", "acme", "yuki@acme.example")
    assert office("profile", "apply", "acme", "home", "yuki@acme.example").output == "1 accounts changed\n"
    assert office("profile", "delete", "acme", "home").exit_code == 1
    assert office("profile", "apply", "acme", "", "--all").output == "1 accounts changed\n"
    assert office("profile", "delete", "acme", "home").output == "home: deleted\n"


@pytest.mark.parametrize("words", [(), ("yuki@acme.example", "--all")])
def test_apply_wants_either_addresses_or_all(office: Run, words: tuple[str, ...]):
    assert office("profile", "apply", "acme", "office", *words).exit_code == 2
