from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from cgappliance.admin import administrators
from cgappliance.admin.administrators import Role
from cgappliance.admin.desk import Desk
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store.errors import RecordConflict, RecordInvalid, RecordMissing
from cgappliance.store.vault import Vault
from tests.admin.conftest import NOW
from tests.admin.trail import actions, last

PASSWORD = Secret("a sentence that is long")


def verify(desk: Desk, acme: Tenant, vault: Vault, password: Secret = PASSWORD, code: str = "", name: str = "hana") -> Role | None:
    return administrators.verify(desk.store, acme, name, password, code, vault=vault, now=NOW)


@pytest.fixture
def hana(desk: Desk, acme: Tenant) -> str:
    return administrators.create(desk, acme, "hana", Role.HELPDESK, PASSWORD).name


def test_the_right_password_gives_the_role(desk: Desk, acme: Tenant, vault: Vault, hana: str) -> None:
    assert verify(desk, acme, vault) is Role.HELPDESK
    assert verify(desk, acme, vault, Secret("another")) is None
    assert verify(desk, acme, vault, name="nobody") is None


def test_the_password_is_kept_as_argon2id(desk: Desk, acme: Tenant, hana: str) -> None:
    (kept,) = administrators.listing(desk, acme)
    assert kept.password_hash.startswith("$argon2id$")
    assert PASSWORD.reveal() not in str(kept)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "my name is hana!", "x" * 257])
def test_an_easy_password_is_refused(desk: Desk, acme: Tenant, password: str) -> None:
    with pytest.raises(RecordInvalid, match="password: "):
        administrators.create(desk, acme, "hana", Role.AUDITOR, Secret(password))


@pytest.mark.parametrize("name", ["", "Hana", "hana@acme.example", "-hana", "h" * 65])
def test_a_name_that_could_be_mistaken_is_refused(desk: Desk, acme: Tenant, name: str) -> None:
    with pytest.raises(RecordInvalid, match="cannot be an administrator's"):
        administrators.create(desk, acme, name, Role.AUDITOR, PASSWORD)


def test_a_name_is_taken_once(desk: Desk, acme: Tenant, hana: str) -> None:
    with pytest.raises(RecordConflict):
        administrators.create(desk, acme, hana, Role.AUDITOR, PASSWORD)


@pytest.mark.parametrize(("offset_s", "good"), [(-30, True), (0, True), (30, True), (-60, False), (60, False)])
def test_a_code_may_be_half_a_minute_off(desk: Desk, acme: Tenant, vault: Vault, hana: str, offset_s: int, good: bool) -> None:
    secret = administrators.enrol(desk, acme, hana, vault).secret
    code = pyotp.TOTP(secret.reveal()).at(NOW + timedelta(seconds=offset_s))
    assert (verify(desk, acme, vault, code=code) is not None) is good


def test_without_a_code_the_password_is_not_enough(desk: Desk, acme: Tenant, vault: Vault, hana: str) -> None:
    administrators.enrol(desk, acme, hana, vault)
    assert verify(desk, acme, vault) is None
    administrators.forget_totp(desk, acme, hana, vault)
    assert verify(desk, acme, vault) is Role.HELPDESK


def test_each_change_is_in_the_audit_log_without_a_secret(desk: Desk, acme: Tenant, vault: Vault, hana: str) -> None:
    made = administrators.enrol(desk, acme, hana, vault)
    administrators.set_role(desk, acme, hana, Role.AUDITOR)
    administrators.set_password(desk, acme, hana, Secret("another long sentence"))
    administrators.remove(desk, acme, hana)
    done = [action for action, _ in actions(desk)]
    assert done == [f"administrator.{what}" for what in ("create", "totp", "role", "password", "delete")]
    assert made.secret.reveal() not in str(last(desk))


def test_who_is_missing_is_told(desk: Desk, acme: Tenant) -> None:
    with pytest.raises(RecordMissing, match="no administrator 'hana'"):
        administrators.remove(desk, acme, "hana")
