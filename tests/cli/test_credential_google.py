from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from cgappliance.admin.trial import TrialFailed
from cgappliance.administration import AppPassword, PasswordAnswer, Taken
from cgappliance.cli import main
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from tests.admin.fake_customer import FakeCustomer
from tests.cli.conftest import Outside, Run
from tests.config.kit import Place

YUKI, TARO = "yuki@acme.example", "taro@acme.example"


@pytest.fixture
def google(office: Run, outside: Outside) -> FakeCustomer:
    """Which knows yuki, who has an account."""
    office("account", "create", "acme", YUKI, "--no-google")
    outside.google = FakeCustomer(YUKI)
    return outside.google


def revealed(office: Run) -> str:
    return office("credential", "reveal", "acme", YUKI, "--reason", "for the test").output


def test_reset_gives_google_a_password_that_only_the_appliance_knows(office: Run, google: FakeCustomer):
    result = office("credential", "reset", "acme", YUKI)
    assert result.output == f"{YUKI}: password reset\n"
    assert revealed(office) == f"managed-password (current): {google.passwords[f'id of {YUKI}']}\n"
    assert google.closed


def test_one_that_fails_does_not_stop_the_others(office: Run, google: FakeCustomer):
    result = office("credential", "reset", "acme", TARO, YUKI, "--json")
    first, second = json.loads(result.output)
    assert (first["address"], "has no account" in first["problem"]) == (TARO, True)
    assert second == {"address": YUKI, "problem": ""}
    assert result.exit_code == 1


def test_undecided_reset_is_told_and_listed(office: Run, google: FakeCustomer):
    google.answer = PasswordAnswer(Taken.UNKNOWN, "no answer")
    result = office("credential", "reset", "acme", YUKI)
    assert "run the reset again" in result.output
    assert result.exit_code == 1
    assert office("credential", "pending", "acme").output == f"{YUKI}\n"


# ---- app passwords


@pytest.fixture
def gmail(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What Gmail says to each app password; an unknown one is good."""
    said: dict[str, str] = {}

    def try_password(_tenant: Tenant, _address: str, password: Secret) -> str:
        if said.get(password.reveal()) == "down":
            raise TrialFailed("smtp.gmail.com:465: no answer")
        return said.get(password.reveal(), "")

    monkeypatch.setattr("cgappliance.admin.trial.try_password", try_password)
    return said


@pytest.fixture
def keep(place: Place):
    def keep(typed: str, *words: str):
        return CliRunner().invoke(
            main, ["--config", str(place.toml), "credential", "set", "acme", YUKI, *words], input=f"{typed}\n"
        )

    return keep


@pytest.mark.usefixtures("google", "gmail")
@pytest.mark.parametrize("words", [(), ("--stdin",)])
def test_app_password_is_kept_without_its_blanks(office: Run, keep, words: tuple[str, ...]):
    result = keep("abcd efgh ijkl mnop", *words)
    assert result.output.splitlines()[-1] == f"{YUKI}: Gmail takes it; kept"
    assert "abcd" not in result.output
    assert revealed(office) == "app-password (current): abcdefghijklmnop\n"


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize(("answer", "told"), [("535 not accepted", "535 not accepted"), ("down", "smtp.gmail.com:465: no answer")])
def test_app_password_that_is_not_known_to_be_good_is_not_kept(office: Run, keep, gmail: dict[str, str], answer: str, told: str):
    gmail["abcdefghijklmnop"] = answer
    result = keep("abcd efgh ijkl mnop", "--stdin")
    assert (told in result.output, result.exit_code) == (True, 1)
    assert "has no stored Google credential" in revealed(office)


@pytest.mark.usefixtures("google", "gmail")
def test_too_long_a_line_is_refused(keep):
    assert "longer than 64 characters" in keep("x" * 65, "--stdin").output


def test_app_passwords_at_google_are_listed_and_revoked(office: Run, google: FakeCustomer):
    made = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    google.apps[f"id of {YUKI}"] = [AppPassword(7, "Thunderbird", made, None)]
    assert office("credential", "app-passwords", "acme", YUKI).output.splitlines() == [
        "CODE  CREATED              LAST USED  NAME",
        "7     2026-11-24 12:00:00  -          Thunderbird",
    ]
    assert office("credential", "revoke", "acme", YUKI, "7").exit_code == 0
    assert json.loads(office("credential", "app-passwords", "acme", YUKI, "--json").output) == []
    assert "credential.revoke" in office("audit", "list").output


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize("words", [("app-passwords", "acme", TARO), ("revoke", "acme", TARO, "7")])
def test_who_has_no_account_is_told(office: Run, words: tuple[str, ...]):
    result = office("credential", *words)
    assert (f"has no account {TARO!r}" in result.output, result.exit_code) == (True, 1)


def test_user_who_is_not_at_google_is_told(office: Run, google: FakeCustomer):
    google.known.clear()
    assert office("credential", "app-passwords", "acme", YUKI).output == f"{YUKI} does not exist at Google\n"
