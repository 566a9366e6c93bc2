from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import Result

from cgappliance.administration import GoogleFault
from tests.admin.fake_customer import FakeCustomer
from tests.admin.people import entry
from tests.cli.conftest import Outside, Run
from tests.config.kit import KINDS, Place

YUKI = "yuki@acme.example"
TARO = "taro@acme.example"
BOTH = "operation,address,enabled\nCREATE,yuki@acme.example,\nCREATE,taro@acme.example,\n"


def imported(office: Run, place: Place, text: str, *options: str) -> Result:
    file = place.root / "accounts.csv"
    file.write_text(text)
    return office("account", "import", "acme", str(file), *options)


def test_imported_accounts_get_their_random_passwords_at_google(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    result = imported(office, place, BOTH)
    assert result.output.splitlines()[2:] == [
        "2 lines done",
        "ADDRESS            DONE AT GOOGLE  PROBLEM",
        "yuki@acme.example  password set    -",
        "taro@acme.example  password set    -",
    ]
    assert outside.google.passwords.keys() == {f"id of {YUKI}", f"id of {TARO}"}


def test_dry_run_foresees_it_and_changes_nothing(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    data = json.loads(imported(office, place, BOTH, "--dry-run", "--json").stdout)
    assert data["google"] == [{"address": address, "done": ["set password"], "problem": ""} for address in (YUKI, TARO)]
    assert outside.google.passwords == {}


def test_who_cannot_log_in_yet_or_was_there_before_is_left_alone(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    office("account", "create", "acme", YUKI, "--no-google")
    text = "operation,address,enabled,profile\nUPDATE,yuki@acme.example,,office\nCREATE,taro@acme.example,false,\n"
    assert imported(office, place, text).output.endswith("2 lines done\n")
    assert outside.google.asked == []


def test_google_may_be_left_for_later(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    assert imported(office, place, BOTH, "--no-google").output.endswith("2 lines done\n")
    assert outside.google.asked == []


def test_nothing_is_said_of_google_where_the_tenant_file_wants_nothing(office: Run, outside: Outside, place: Place):
    assert imported(office, place, BOTH).output.endswith("2 lines done\n")
    assert outside.google.asked == []


def test_problem_at_google_is_told_and_the_accounts_are_made(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, sets_passwords=True)
    result = imported(office, place, BOTH)
    assert "taro@acme.example  -               does not exist at Google" in result.output
    assert result.exit_code == 1
    assert len(json.loads(office("account", "list", "acme", "--json").stdout)["accounts"]) == 2


def test_google_that_cannot_be_asked_is_told_of_each(office: Run, outside: Outside, place: Place):
    outside.google = FakeCustomer(YUKI, TARO, sets_passwords=True)
    outside.google.refuses[YUKI] = GoogleFault.UNREACHABLE
    data = json.loads(imported(office, place, BOTH, "--json").stdout)
    assert [bool(one["problem"]) for one in data["google"]] == [True, True]
    assert len(data["lines"]) == 2


@pytest.mark.parametrize(("can_be_read", "name"), [(True, "Yuki Sato"), (False, "yuki yuki")])
def test_missing_users_are_made_with_the_directorys_names_if_it_has_any(
    office: Run, outside: Outside, place: Place, monkeypatch: pytest.MonkeyPatch, can_be_read: bool, name: str
):
    outside.directory.entries = [entry("yuki")]
    if not can_be_read:
        kinds = replace(outside.kinds(), backends=KINDS.backends)
        monkeypatch.setattr("cgappliance.cli.outside.discover", lambda: kinds)
    result = imported(office, place, f"operation,address\nCREATE,{YUKI}\n", "--create-google-users")
    assert outside.google.names == {YUKI: name}, result.output
