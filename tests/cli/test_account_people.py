from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cgappliance.administration import DirectoryFailed
from cgappliance.cli import main
from cgappliance.model import Reason
from tests.admin.fake_customer import FakeCustomer
from tests.admin.people import entry
from tests.cli.conftest import Outside, Run
from tests.config.kit import Place

YUKI = "yuki@acme.example"
PERSON = ("--in-directory", "--given-name", "Yuki", "--family-name", "Sato")


def accounts(office: Run) -> list[str]:
    return [row["address"] for row in json.loads(office("account", "list", "acme", "--json").output)["accounts"]]


def test_person_is_made_in_the_directory_with_a_password_that_is_shown_once(office: Run, outside: Outside):
    result = office("account", "create", "acme", YUKI, *PERSON, "--profile", "office")
    first, second = result.output.splitlines()
    assert first == f"{YUKI}: created in the directory and here"
    assert second == f"initial password (shown only now): {outside.directory.passwords[YUKI]}"
    shown = office("account", "show", "acme", YUKI).output
    assert f"identity: id of {YUKI}" in shown
    assert outside.directory.passwords[YUKI] not in shown + office("audit", "list", "--json").output
    assert (outside.directory.entries[0].given_name, outside.directory.closed) == ("Yuki", True)


def test_initial_password_may_be_typed(office: Run, outside: Outside, place: Place):
    words = ["--config", str(place.toml), "account", "create", "acme", YUKI, *PERSON, "--prompt"]
    result = CliRunner().invoke(main, words, input="Secret-pass1\nSecret-pass1\n")
    assert outside.directory.passwords == {YUKI: "Secret-pass1"}
    assert "Secret-pass1" not in result.output


def test_json_has_the_password_for_the_program_that_asked(office: Run, outside: Outside):
    data = json.loads(office("account", "create", "acme", YUKI, *PERSON, "--json").output)
    assert data == {"address": YUKI, "initial_password": outside.directory.passwords[YUKI], "google": [], "problem": ""}


@pytest.mark.parametrize(
    "words",
    [
        ("--in-directory",),
        ("--prompt",),
        (*PERSON, "--identity", "x"),
        (*PERSON, "--disabled"),
    ],
)
def test_contradictions_are_refused_before_anything_is_done(office: Run, outside: Outside, words: tuple[str, ...]):
    assert office("account", "create", "acme", YUKI, *words).exit_code == 2
    assert (accounts(office), outside.directory.entries) == ([], [])


def test_directory_that_refuses_leaves_no_account(office: Run, outside: Outside):
    outside.directory.fails = DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, "no write access")
    result = office("account", "create", "acme", YUKI, *PERSON)
    assert result.exit_code == 1
    assert accounts(office) == []


def test_account_alone_needs_no_directory(office: Run, outside: Outside):
    assert office("account", "create", "acme", YUKI).output == f"{YUKI}: created\n"
    assert outside.directory.entries == []


def test_new_account_gets_its_random_password_at_google(office: Run, outside: Outside):
    outside.google = FakeCustomer(YUKI, sets_passwords=True)
    assert office("account", "create", "acme", YUKI).output.splitlines() == [f"{YUKI}: created", "at Google: password set"]
    assert office("credential", "reveal", "acme", YUKI, "--reason", "for the test").output == (
        f"managed-password (current): {outside.google.passwords[f'id of {YUKI}']}\n"
    )


def test_user_missing_at_google_is_a_problem_and_the_account_is_made(office: Run, outside: Outside):
    outside.google = FakeCustomer(sets_passwords=True)
    result = office("account", "create", "acme", YUKI)
    assert "at Google: nothing done; does not exist at Google" in result.output
    assert (result.exit_code, accounts(office)) == (1, [YUKI])


def test_user_missing_at_google_is_made_when_told_so(office: Run, outside: Outside):
    assert office("account", "create", "acme", YUKI, *PERSON, "--create-google-user").exit_code == 0
    assert outside.google.names == {YUKI: "Yuki Sato"}


def test_google_is_left_alone_when_told_so(office: Run, outside: Outside):
    outside.google = FakeCustomer(YUKI, sets_passwords=True)
    assert office("account", "create", "acme", YUKI, "--no-google").exit_code == 0
    assert outside.google.asked == []


def test_google_that_wants_nothing_is_not_asked(office: Run, outside: Outside):
    office("account", "create", "acme", YUKI)
    assert outside.google.asked == []


def test_people_are_switched_in_the_directory_too(office: Run, outside: Outside):
    office("account", "create", "acme", YUKI, *PERSON)
    off = office("account", "disable", "acme", YUKI, "--in-directory", "--reason", "holiday")
    assert (off.output, outside.directory.entries[0].disabled) == (f"{YUKI}: disabled in the directory and here\n", True)
    on = office("account", "enable", "acme", YUKI, "--in-directory")
    assert (on.output, outside.directory.entries[0].disabled) == (f"{YUKI}: enabled in the directory and here\n", False)


def test_person_is_deleted_in_the_directory_too_and_not_at_google(office: Run, outside: Outside):
    outside.google = FakeCustomer(YUKI)
    office("account", "create", "acme", YUKI, *PERSON)
    assert office("account", "delete", "acme", YUKI, "--in-directory").exit_code == 0
    assert (accounts(office), outside.directory.entries, set(outside.google.known)) == ([], [], {YUKI})


def test_another_initial_password_is_shown_once(office: Run, outside: Outside):
    office("account", "create", "acme", YUKI, *PERSON)
    result = office("account", "initial-password", "acme", YUKI)
    assert result.output.splitlines() == [
        f"{YUKI}: password set",
        f"initial password (shown only now): {outside.directory.passwords[YUKI]}",
    ]
    data = json.loads(office("account", "initial-password", "acme", YUKI, "--json").output)
    assert data["initial_password"] == outside.directory.passwords[YUKI]


def test_directory_that_is_not_ours_to_change_says_so(office: Run):
    result = office("account", "create", "acme", YUKI, *PERSON)
    assert "cannot list its people" in result.output
    assert result.exit_code == 1


def test_somebody_who_is_in_the_directory_already_is_not_made_again(office: Run, outside: Outside):
    outside.directory.entries = [entry("yuki")]
    assert "it has an entry of yuki@acme.example already" in office("account", "create", "acme", YUKI, *PERSON).output
    assert accounts(office) == []
