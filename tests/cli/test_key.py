from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from cgappliance.store import keyfile
from tests.cli.conftest import Run
from tests.cli.test_credential import YUKI, keep_app_password
from tests.config.kit import Place


def test_a_key_file_is_made_once(office: Run, place: Place):
    assert (place.root / "store.key").stat().st_mode & 0o777 == 0o600
    again = office("key", "init")
    assert again.exit_code == 1
    assert "already" in again.output


def test_a_rotation_is_shown_in_the_list_and_in_the_audit_log(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    assert "added; 1 credentials encrypted anew" in office("key", "rotate").output
    assert [(use["secrets"], use["encrypts"]) for use in json.loads(office("key", "list", "--json").output)] == [
        (1, True),
        (0, False),
    ]
    assert "yes" in office("key", "list").output
    assert "key.rotate" in office("audit", "list").output
    revealed = office("credential", "reveal", "acme", YUKI, "--reason", "still readable")
    assert revealed.output == "app-password (current): abcdefghijklmnop\n"


def test_a_key_added_beforehand_is_used_by_the_rotation(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    assert "added (restart the service" in office("key", "add").output
    assert "of an earlier rotation; 1 credentials" in office("key", "rotate").output


def test_old_keys_are_removed_after_an_hour(office: Run, monkeypatch: pytest.MonkeyPatch):
    office("key", "rotate")
    assert office("key", "prune").exit_code == 1
    monkeypatch.setattr("cgappliance.admin.desk.datetime", Later)
    assert office("key", "prune").output.startswith("1 keys removed\n")


class Later(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:
        return datetime.now(UTC) + timedelta(hours=2)


def test_another_file_can_be_named(office: Run, place: Place):
    other = place.root / "other.key"
    assert office("key", "init", "--key-file", str(other)).exit_code == 0
    assert office("key", "add", "--key-file", str(other)).exit_code == 0
    assert len(keyfile.read(other)) == 2


def test_a_key_that_is_missing_is_named(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    (place.root / "store.key").unlink()
    office("key", "init")
    assert "NOT IN THE FILE" in office("key", "list").output
    result = office("credential", "reveal", "acme", YUKI, "--reason", "wrong key file")
    assert "not in the key file" in result.output
    assert result.exit_code == 1
