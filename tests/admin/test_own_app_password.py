from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cgappliance.admin import accounts, own_app_password
from cgappliance.admin.credentials import AppPasswordRefused, NotAnAppPassword
from cgappliance.admin.desk import Desk
from cgappliance.admin.own_app_password import TRIES_MAX, TRIES_WITHIN, Trials
from cgappliance.admin.trial import TrialFailed
from cgappliance.model import PluginChoice, Tenant
from cgappliance.secret import Secret
from cgappliance.store import audit
from cgappliance.store.errors import LimitReached, RecordConflict, RecordMissing
from cgappliance.store.vault import Vault
from tests.admin.conftest import NOW
from tests.admin.trail import actions

TRIALS = Trials()
YUKI, GOOD = "yuki@acme.example", "abcd efgh ijkl mnop"


class Gmail:
    """Takes one app password."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    def verify(self, _address: str, secret: Secret) -> str:
        self.asked.append(secret.reveal())
        if self.down:
            raise TrialFailed("smtp.gmail.com:465: timed out")
        return "" if secret == Secret("abcdefghijklmnop") else "535 5.7.8 BadCredentials"


@pytest.fixture
def gmail(desk: Desk, acme: Tenant) -> Gmail:
    accounts.create(desk, acme, YUKI)
    return Gmail()


def enter(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail, typed: str = GOOD, address: str = YUKI) -> None:
    own_app_password.enter(desk, acme, address, Secret(typed), vault=vault, verify=gmail.verify, trials=TRIALS)


def test_what_gmail_takes_is_kept(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    assert own_app_password.kept(desk, acme, YUKI) is None
    enter(desk, acme, vault, gmail)
    found = own_app_password.kept(desk, acme, YUKI)
    assert found is not None
    assert (found.created_at, gmail.asked) == (NOW, ["abcdefghijklmnop"])


def test_what_gmail_refuses_is_in_the_audit_log_without_the_password(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    with pytest.raises(AppPasswordRefused) as caught:
        enter(desk, acme, vault, gmail, "zzzz zzzz zzzz zzzz")
    assert caught.value.said == "535 5.7.8 BadCredentials"
    assert actions(desk)[-1] == ("credential.refused", YUKI)
    assert "zzzz" not in str(list(audit.walk(desk.store, audit.Filter())))


def test_what_is_none_is_not_tried_at_gmail(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    with pytest.raises(NotAnAppPassword):
        enter(desk, acme, vault, gmail, "my own password")
    assert gmail.asked == []


def test_after_some_refusals_gmail_is_not_asked_for_an_hour(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    for _ in range(TRIES_MAX):
        with pytest.raises(AppPasswordRefused):
            enter(desk, acme, vault, gmail, "zzzz zzzz zzzz zzzz")
    with pytest.raises(LimitReached):
        enter(desk, acme, vault, gmail)
    assert len(gmail.asked) == TRIES_MAX
    later = replace(desk, now=lambda: NOW + TRIES_WITHIN + timedelta(seconds=1))
    enter(later, acme, vault, gmail)
    assert own_app_password.kept(desk, acme, YUKI) is not None


def test_refusals_of_one_user_do_not_count_against_another(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    accounts.create(desk, acme, "taro@acme.example")
    for _ in range(TRIES_MAX):
        with pytest.raises(AppPasswordRefused):
            enter(desk, acme, vault, gmail, "zzzz zzzz zzzz zzzz")
    enter(desk, acme, vault, gmail, address="taro@acme.example")


def test_a_gmail_that_cannot_be_asked_counts_as_no_refusal(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    gmail.down = True
    with pytest.raises(TrialFailed):
        enter(desk, acme, vault, gmail)
    assert ("credential.refused", YUKI) not in actions(desk)


def test_an_address_without_account_has_none(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    with pytest.raises(RecordMissing):
        enter(desk, acme, vault, gmail, address="nobody@acme.example")
    assert gmail.asked == []


@pytest.mark.parametrize(
    ("choice", "applies"),
    [
        (PluginChoice("app-password"), True),
        (PluginChoice("app-password", {"passwords_file": None}), True),
        (PluginChoice("app-password", {"passwords_file": "/etc/passwords"}), False),
        (PluginChoice("service-account"), False),
    ],
)
def test_it_is_for_tenants_whose_users_have_them_here(acme: Tenant, choice: PluginChoice, applies: bool) -> None:
    assert own_app_password.applies(replace(acme, google=choice)) is applies


def test_two_at_once_are_not_tried_so_that_none_goes_past_the_count(desk: Desk, acme: Tenant, vault: Vault, gmail: Gmail) -> None:
    def meanwhile(_address: str, _secret: Secret) -> str:
        with pytest.raises(RecordConflict, match="is being tried"):
            enter(desk, acme, vault, gmail)
        return ""

    own_app_password.enter(desk, acme, YUKI, Secret(GOOD), vault=vault, verify=meanwhile, trials=TRIALS)
    assert gmail.asked == []
    enter(desk, acme, vault, gmail)
    assert len(gmail.asked) == 1
