from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def changed(office: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SUDO_USER", "ken")
    office("account", "create", "acme", "yuki@acme.example")
    office("account", "disable", "acme", "yuki@acme.example", "--reason", "left")
    return office


def test_who_did_what_is_listed_newest_first(changed: Run):
    lines = changed("audit", "list", "--tenant", "acme").output.splitlines()
    assert lines[1].split()[3:] == ["acme", "ken", "account.disable", "yuki@acme.example", "left"]
    assert lines[2].split()[3:] == ["acme", "ken", "account.create", "yuki@acme.example", "-"]


def test_options_find_entries(changed: Run):
    def found(*options: str) -> list[str]:
        return [entry["action"] for entry in json.loads(changed("audit", "list", "--json", *options).output)]

    assert found("--action", "account.create") == ["account.create"]
    assert found("--action", "account", "--actor", "ken", "--target", "yuki@acme.example", "--since", "1h") == [
        "account.disable",
        "account.create",
    ]
    assert found("--until", "1h") == []
    assert len(found("--limit", "1")) == 1


def test_entries_are_exported_with_before_and_after(changed: Run):
    rows = list(csv.DictReader(io.StringIO(changed("audit", "export", "--tenant", "acme").output)))
    assert (rows[0]["actor"], rows[0]["origin"], json.loads(rows[0]["after"])["enabled"]) == ("ken", "command line", False)
    assert rows[1]["before"] == ""
