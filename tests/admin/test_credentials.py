from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cgappliance.admin import accounts, credentials
from cgappliance.admin.credentials import ResetRefused, ResetUndecided
from cgappliance.admin.desk import Desk
from cgappliance.admin.google import GoogleUser, PasswordAnswer, Taken
from cgappliance.errors import CgapplianceError
from cgappliance.model import PluginChoice, Tenant
from cgappliance.secret import Secret
from cgappliance.store import audit, keyfile
from cgappliance.store.accounts import GoogleState
from cgappliance.store.credentials import Kind, State, settle
from cgappliance.store.errors import KeyProblem, RecordConflict, RecordInvalid, RecordMissing
from cgappliance.store.vault import Vault
from cgappliance.testing.lab.process import clean_environment
from tests.admin.fake_google import FakeGoogle
from tests.admin.trail import actions, last

ROOT = Path(__file__).parents[2]
YUKI = "yuki@acme.example"
APP_PASSWORD = Secret("abcd efgh ijkl mnop")
RESETS_MIN = 200


@pytest.fixture
def google() -> FakeGoogle:
    return FakeGoogle(YUKI)


@pytest.fixture
def yuki(desk: Desk, acme: Tenant) -> accounts.Account:
    return accounts.create(desk, acme, YUKI)


def kept(desk: Desk, acme: Tenant, vault: Vault) -> dict[State, str]:
    with contextlib.suppress(RecordMissing):
        return {one.state: one.secret.reveal() for one in credentials.reveal(desk, acme, YUKI, vault, "for the test")}
    return {}


def set_app_password(desk: Desk, acme: Tenant, vault: Vault, typed: Secret = APP_PASSWORD, said: str = "") -> None:
    credentials.set_app_password(desk, acme, YUKI, typed, vault=vault, verify=lambda *_: said)


# ---- reset


@pytest.mark.usefixtures("yuki")
def test_a_reset_gives_google_a_random_password_and_keeps_it(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    password = google.password_of(YUKI)
    assert len(password) == 40
    assert password.isascii()
    assert password.isalnum()
    assert kept(desk, acme, vault) == {State.CURRENT: password}
    account = accounts.show(desk, acme, YUKI).row.account
    assert (account.google_id, account.google_state, account.reset_due) == (f"id of {YUKI}", GoogleState.PRESENT, False)


@pytest.mark.usefixtures("yuki")
def test_a_second_reset_replaces_the_first(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    first = google.password_of(YUKI)
    credentials.reset(desk, acme, YUKI, vault, google)
    assert google.password_of(YUKI) != first
    assert kept(desk, acme, vault) == {State.CURRENT: google.password_of(YUKI)}


@pytest.mark.usefixtures("yuki")
def test_an_alias_at_google_is_not_reset(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    google.users[YUKI] = GoogleUser("id of admin", "admin@acme.example")
    with pytest.raises(RecordConflict, match="is an alias of"):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert (google.passwords, kept(desk, acme, vault)) == ({}, {})


@pytest.mark.usefixtures("yuki")
def test_a_reset_after_a_rename_is_no_longer_due(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    assert accounts.rename(desk, acme, YUKI, "snow@acme.example").reset_due
    credentials.reset(desk, acme, "snow@acme.example", vault, FakeGoogle("snow@acme.example"))
    assert not accounts.show(desk, acme, "snow@acme.example").row.account.reset_due


@pytest.mark.usefixtures("yuki")
def test_a_suspended_user_is_noted(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    google.users[YUKI] = GoogleUser("1", YUKI, suspended=True)
    credentials.reset(desk, acme, YUKI, vault, google)
    assert accounts.show(desk, acme, YUKI).row.account.google_state is GoogleState.SUSPENDED


@pytest.mark.usefixtures("yuki")
def test_a_refused_password_leaves_the_old_one(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    old = google.password_of(YUKI)
    google.answer, google.takes = PasswordAnswer(Taken.NO, "Not Authorized"), False
    with pytest.raises(ResetRefused, match="Not Authorized"):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert kept(desk, acme, vault) == {State.CURRENT: old}


@pytest.mark.usefixtures("yuki")
@pytest.mark.parametrize("takes", [True, False])
def test_without_an_answer_both_passwords_are_kept(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle, takes: bool) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    old = google.password_of(YUKI)
    google.answer, google.takes = PasswordAnswer(Taken.UNKNOWN, "timed out"), takes
    with pytest.raises(ResetUndecided, match="timed out"):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert google.password_of(YUKI) in kept(desk, acme, vault).values()
    assert kept(desk, acme, vault)[State.CURRENT] == old
    assert credentials.undecided(desk, acme) == [YUKI]


@pytest.mark.usefixtures("yuki")
def test_the_next_reset_finishes_with_the_same_password(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    google.raises = TimeoutError("no answer")
    with pytest.raises(ResetUndecided):
        credentials.reset(desk, acme, YUKI, vault, google)
    sent = google.password_of(YUKI)
    google.raises = None
    credentials.reset(desk, acme, YUKI, vault, google)
    assert google.password_of(YUKI) == sent
    assert kept(desk, acme, vault) == {State.CURRENT: sent}
    assert credentials.undecided(desk, acme) == []


@pytest.mark.usefixtures("yuki")
def test_a_refusal_of_a_password_that_google_may_have_already_does_not_throw_it_away(
    desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle
) -> None:
    google.raises = TimeoutError()
    with pytest.raises(ResetUndecided):
        credentials.reset(desk, acme, YUKI, vault, google)
    google.raises, google.answer = None, PasswordAnswer(Taken.NO, "quota")
    with pytest.raises(ResetRefused):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert kept(desk, acme, vault) == {State.PENDING: google.password_of(YUKI)}


@pytest.mark.usefixtures("yuki")
def test_gmail_itself_can_settle_what_was_undecided(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    google.raises = TimeoutError()
    with pytest.raises(ResetUndecided):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert settle(desk.store, "acme", YUKI, Kind.MANAGED_PASSWORD, desk.now())
    assert kept(desk, acme, vault) == {State.CURRENT: google.password_of(YUKI)}
    assert not settle(desk.store, "acme", YUKI, Kind.MANAGED_PASSWORD, desk.now())


@pytest.mark.usefixtures("yuki")
def test_the_api_administrator_is_never_touched(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    guarded = replace(acme, google=PluginChoice("service-account", {"admin": "Yuki@acme.example"}))
    with pytest.raises(RecordConflict, match="API administrator"):
        credentials.reset(desk, guarded, YUKI, vault, google)
    assert google.passwords == {}


def test_an_account_must_exist_on_both_sides(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    with pytest.raises(RecordMissing, match="acme has no account"):
        credentials.reset(desk, acme, YUKI, vault, google)
    accounts.create(desk, acme, "ken@acme.example")
    with pytest.raises(RecordMissing, match="does not exist at Google"):
        credentials.reset(desk, acme, "ken@acme.example", vault, google)
    assert google.passwords == {}


@pytest.mark.usefixtures("yuki")
def test_nothing_changes_while_google_cannot_be_asked(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    google.down = True
    with pytest.raises(CgapplianceError, match="cannot be reached"):
        credentials.reset(desk, acme, YUKI, vault, google)
    assert kept(desk, acme, vault) == {}


@pytest.mark.usefixtures("yuki")
def test_an_app_password_is_not_revoked_unasked(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    set_app_password(desk, acme, vault)
    with pytest.raises(RecordConflict, match="Google revokes"):
        credentials.reset(desk, acme, YUKI, vault, google)
    credentials.reset(desk, acme, YUKI, vault, google, revoke_app_passwords=True)
    assert list(kept(desk, acme, vault).values()) == [google.password_of(YUKI)]  # the app password is of no use any more
    assert ("credential.forget", YUKI) in actions(desk)


@pytest.mark.usefixtures("yuki")
def test_the_audit_log_tells_each_step_and_no_password(desk: Desk, acme: Tenant, vault: Vault, google: FakeGoogle) -> None:
    credentials.reset(desk, acme, YUKI, vault, google)
    assert [action for action, _ in actions(desk)] == ["account.create", "credential.reset.begin", "credential.reset.done"]
    assert google.password_of(YUKI) not in str(list(audit.walk(desk.store, audit.Filter())))


# ---- app passwords


@pytest.mark.usefixtures("yuki")
def test_an_app_password_is_kept_without_its_blanks_when_gmail_takes_it(desk: Desk, acme: Tenant, vault: Vault) -> None:
    asked: list[tuple[str, Secret]] = []

    def verify(address: str, secret: Secret) -> str:
        asked.append((address, secret))
        return ""

    credentials.set_app_password(desk, acme, "Yuki@acme.example", APP_PASSWORD, vault=vault, verify=verify)
    assert asked == [(YUKI, Secret("abcdefghijklmnop"))]
    assert kept(desk, acme, vault) == {State.CURRENT: "abcdefghijklmnop"}


@pytest.mark.usefixtures("yuki")
def test_a_new_app_password_replaces_the_old_one(desk: Desk, acme: Tenant, vault: Vault) -> None:
    set_app_password(desk, acme, vault)
    set_app_password(desk, acme, vault, Secret("ponmlkjihgfedcba"))
    assert kept(desk, acme, vault) == {State.CURRENT: "ponmlkjihgfedcba"}
    entry = next(one for one in audit.walk(desk.store, audit.Filter(action="credential.set")))
    assert entry.after == {"kind": "app-password", "replaced": True}


@pytest.mark.usefixtures("yuki")
@pytest.mark.parametrize("typed", ["", "abcd efgh ijkl mno", "abcd efgh ijkl mnoP", "abcd efgh ijkl mno1", "hunter2"])
def test_what_is_no_app_password_is_refused_and_not_shown(desk: Desk, acme: Tenant, vault: Vault, typed: str) -> None:
    with pytest.raises(RecordInvalid, match="this is none") as caught:
        set_app_password(desk, acme, vault, Secret(typed))
    assert not typed or typed not in str(caught.value)


@pytest.mark.usefixtures("yuki")
def test_what_gmail_does_not_take_is_not_kept(desk: Desk, acme: Tenant, vault: Vault) -> None:
    with pytest.raises(RecordInvalid, match="Invalid credentials"):
        set_app_password(desk, acme, vault, said="Invalid credentials (Failure)")
    assert kept(desk, acme, vault) == {}


@pytest.mark.usefixtures("yuki")
def test_an_app_password_is_forgotten_once(desk: Desk, acme: Tenant, vault: Vault) -> None:
    set_app_password(desk, acme, vault)
    credentials.forget_app_password(desk, acme, YUKI)
    assert (last(desk).action, kept(desk, acme, vault)) == ("credential.forget", {})
    with pytest.raises(RecordMissing, match="no app password"):
        credentials.forget_app_password(desk, acme, YUKI)


# ---- reveal


@pytest.mark.usefixtures("yuki")
def test_who_sees_a_password_is_in_the_audit_log_with_the_reason(desk: Desk, acme: Tenant, vault: Vault) -> None:
    set_app_password(desk, acme, vault)
    credentials.reveal(desk, acme, YUKI, vault, "  ActiveSync on his phone ")
    assert (last(desk).action, last(desk).target, last(desk).reason) == ("credential.reveal", YUKI, "ActiveSync on his phone")
    assert last(desk).after == {"kinds": ["app-password (current)"]}


@pytest.mark.usefixtures("yuki")
@pytest.mark.parametrize("reason", ["", "    ", "x"])
def test_without_a_reason_nothing_is_revealed(desk: Desk, acme: Tenant, vault: Vault, reason: str) -> None:
    set_app_password(desk, acme, vault)
    with pytest.raises(RecordInvalid, match="says too little"):
        credentials.reveal(desk, acme, YUKI, vault, reason)


@pytest.mark.usefixtures("yuki")
def test_who_tried_to_see_one_is_logged_even_when_it_does_not_open(desk: Desk, acme: Tenant, vault: Vault, tmp_path: Path) -> None:
    set_app_password(desk, acme, vault)
    other = tmp_path / "other.key"
    keyfile.create(other, desk.now())
    with pytest.raises(KeyProblem):
        credentials.reveal(desk, acme, YUKI, Vault(other), "ActiveSync on his phone")
    assert last(desk).action == "credential.reveal"


@pytest.mark.usefixtures("yuki")
def test_an_account_without_any_has_nothing_to_reveal(desk: Desk, acme: Tenant, vault: Vault) -> None:
    with pytest.raises(RecordMissing, match="no stored Google credential"):
        credentials.reveal(desk, acme, YUKI, vault, "ActiveSync on his phone")


# ---- whatever moment the process dies at


def reset_until_killed(url: str, key: Path, google: Path, rng: random.Random) -> None:
    command = [sys.executable, "-m", "tests.admin.resetting_process", url, str(key), str(google)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment(), cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        timer = threading.Timer(rng.uniform(0.0, 0.3), process.kill)
        timer.start()
        process.wait(timeout=30)
        timer.join()


@pytest.mark.integration
@pytest.mark.usefixtures("yuki")
def test_no_password_that_google_may_have_is_lost_by_kill_9(desk: Desk, acme: Tenant, vault: Vault, tmp_path: Path) -> None:
    rng, google = random.Random(), tmp_path / "google"
    google.write_text("")
    while google.read_text().count("\n") < RESETS_MIN:
        reset_until_killed(desk.store.url.render_as_string(hide_password=False), vault.path, google, rng)
        at_google = google.read_text().splitlines()[-1:]
        assert set(at_google) <= set(kept(desk, acme, vault).values())
