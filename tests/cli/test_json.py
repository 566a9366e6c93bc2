"""What commands that change something print for programs: the same facts as for people, and nothing beside them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.test_credential import YUKI, keep_app_password
from tests.config.kit import Place

RULES = '[{"allow": true, "protocols": ["imap"]}]'

Asked = Callable[..., Any]


@pytest.fixture
def asked(office: Run) -> Asked:
    """Run a command line with ``--json`` and return what it prints."""

    def call(*words: str, stdin: str | None = None) -> Any:
        result = office(*words, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return call


def test_switching_accounts(asked: Asked):
    asked("account", "create", "acme", YUKI)
    assert asked("account", "disable", "acme", YUKI) == [{"address": YUKI, "enabled": False, "in_directory": False}]
    assert asked("account", "enable", "acme", YUKI) == [{"address": YUKI, "enabled": True, "in_directory": False}]
    assert asked("account", "unlock", "acme", YUKI) == [{"address": YUKI, "unlocked": False}]


def test_renaming_and_deleting_an_account(asked: Asked):
    asked("account", "create", "acme", YUKI)
    renamed = asked("account", "rename", "acme", YUKI, "sato@acme.example")
    assert renamed == {"before": YUKI, "address": "sato@acme.example", "reset_due": False}
    assert asked("account", "delete", "acme", "sato@acme.example") == {"address": "sato@acme.example", "in_directory": False}


def test_profiles(asked: Asked, office: Run):
    assert asked("profile", "create", "acme", "travel", "--rules", "-", stdin=RULES) == {"name": "travel"}
    assert asked("profile", "copy", "acme", "travel", "other") == {"name": "other", "source": "travel"}
    changed = asked("profile", "edit", "acme", "travel", "--rules", "-", "--yes", stdin=RULES)
    assert changed == {"name": "travel", "changed": True, "ending": []}
    assert asked("profile", "show", "acme", "travel")["accounts"] == 0
    assert isinstance(json.loads(office("profile", "show", "acme", "travel").output), list)
    assert asked("profile", "delete", "acme", "other") == {"name": "other"}


@pytest.mark.parametrize(("options", "changed"), [(["--dry-run"], []), ([], [YUKI])])
def test_applying_a_profile(asked: Asked, options: list[str], changed: list[str]):
    asked("account", "create", "acme", YUKI)
    applied = asked("profile", "apply", "acme", "office", YUKI, *options)
    assert applied == {"name": "office", "changed": changed, "left_alone": [], "ending": []}


def test_an_administrator_and_the_second_factor(asked: Asked):
    made = asked("admin", "create", "acme", "hana", "--totp", "--password-stdin", stdin="correct horse battery\n")
    assert (made["name"], made["role"]) == ("hana", "administrator")
    assert made["second_factor"]["secret"] in made["second_factor"]["uri"]
    assert asked("admin", "totp", "acme", "hana")["second_factor"] != made["second_factor"]
    assert asked("admin", "totp", "acme", "hana", "--off") == {"name": "hana", "second_factor": None}
    assert asked("admin", "passwd", "acme", "hana", "--password-stdin", stdin="another horse staple\n") == {"name": "hana"}
    assert asked("admin", "role", "acme", "hana", "auditor") == {"name": "hana", "role": "auditor"}
    assert asked("admin", "remove", "acme", "hana") == {"name": "hana"}


def test_credentials(asked: Asked, place: Place):
    asked("account", "create", "acme", YUKI)
    keep_app_password(place)
    assert asked("credential", "forget", "acme", YUKI) == {"address": YUKI}


def test_keys(asked: Asked, place: Place):
    other = str(place.root / "other.key")
    made = asked("key", "init", "--key-file", other)
    assert made["file"] == other
    assert asked("key", "add", "--key-file", other)["key"] != made["key"]
    assert asked("key", "rotate").keys() == {"key", "added", "reencrypted"}


def test_the_database(asked: Asked, place: Place):
    copy = str(place.root / "copy")
    assert asked("db", "upgrade")["before"] == asked("db", "check")["schema"]
    assert asked("db", "backup", copy)["rows"].keys() >= {"accounts", "history"}
    assert asked("history", "expire", "acme", "--before", "365d")["rows"] == 0


def test_people_of_an_embedded_directory(asked: Asked, place: Place):
    file = str(place.root / "people")
    assert asked("local", "passwd", file, YUKI, "--stdin", stdin="5ecret\n") == {"address": YUKI, "done": "password set"}
    assert asked("local", "disable", file, YUKI) == {"address": YUKI, "done": "disabled"}
    assert asked("local", "remove", file, YUKI) == {"address": YUKI, "done": "removed"}


def test_json_of_a_command_that_fails_is_nothing_and_the_reason_is_on_standard_error(office: Run):
    result = office("account", "delete", "acme", "nobody@acme.example", "--json")
    assert (result.stdout, result.exit_code) == ("", 1)
    assert "nobody@acme.example" in result.stderr
