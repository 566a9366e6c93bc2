"""Each test of the contract meets a provider that it is there for; see test_backend.py."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest

from cgappliance.plugin_api import (
    Grant,
    GrantMechanism,
    LoginFailed,
    MailProtocol,
    ProviderKind,
    Reason,
    Secret,
    Setting,
    SettingType,
    TenantContext,
)
from cgappliance.testing.contract import CredentialProviderContract, GoogleUnderTest

ADDRESSES = ("yuki@contract.example", "ken@contract.example")
STRANGER = "stranger@contract.example"


class Google:
    """A token endpoint in memory that can be down or stand still."""

    def __init__(self) -> None:
        self.up = True
        self.answers = gevent.event.Event()
        self.answers.set()

    @contextmanager
    def down(self) -> Iterator[None]:
        self.up = False
        try:
            yield
        finally:
            self.up = True

    @contextmanager
    def stalled(self) -> Iterator[None]:
        self.answers.clear()
        try:
            yield
        finally:
            self.answers.set()


GOOGLE = Google()


class Good:
    """Keeps the contract; the broken ones differ in one place each."""

    unknown = Reason.GOOGLE_USER_UNKNOWN
    outage = Reason.TOKEN_UNAVAILABLE

    def __init__(self, context: TenantContext) -> None:
        self.key = context.settings["key_file"]

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        if not GOOGLE.answers.wait(timeout_s) or not GOOGLE.up:
            raise LoginFailed(self.outage)
        if address == STRANGER:
            raise LoginFailed(self.unknown)
        gevent.sleep(0)
        return self.make(address, fresh)

    def make(self, address: str, fresh: bool) -> Grant:
        return Grant(GrantMechanism.XOAUTH2, address, Secret(f"t0ken-of-{address}"), 3600.0, from_cache=not fresh)


def contract_for(provider: type[Good]) -> CredentialProviderContract:
    contract = CredentialProviderContract()
    contract.kind = ProviderKind("fake", provider, (Setting("key_file", SettingType.SECRET_FILE, "Its own."),))  # type: ignore[misc]
    return contract


def google() -> GoogleUnderTest:
    return GoogleUnderTest(
        settings={"key_file": Secret("service-5ecret")},
        addresses=ADDRESSES,
        refused={Reason.GOOGLE_USER_UNKNOWN: STRANGER},
        outage=GOOGLE.down,
        stall=GOOGLE.stalled,
    )


def run(provider: type[Good], test: str, request: pytest.FixtureRequest) -> None:
    """Run one test of the contract on a provider, with what it asks for."""
    contract = contract_for(provider)
    code = getattr(contract, test).__code__
    wanted = code.co_varnames[: code.co_argcount]
    given: dict[str, Any] = {"google": google(), "protocol": MailProtocol.POP3}
    if "provider" in wanted:
        given["provider"] = contract.make(given["google"])
        given["provider"].start()
    given |= {name: request.getfixturevalue(name) for name in ("capfd", "caplog") if name in wanted}
    getattr(contract, test)(**{name: value for name, value in given.items() if name in wanted})


TESTS = [name for name in vars(CredentialProviderContract) if name.startswith("test_")]


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"SHORT_TIMEOUT_S": 0.2, "SLACK_S": 0.1, "HUB_GAP_S": 0.1, "START_S": 0.1, "TIMEOUT_S": 2.0}.items():
        monkeypatch.setattr(f"cgappliance.testing.contract.provider.{name}", seconds)
    monkeypatch.setattr("cgappliance.testing.observe.SETTLE_S", 0.1)


@pytest.mark.parametrize("test", TESTS)
def test_good_provider_passes(test: str, request: pytest.FixtureRequest) -> None:
    run(Good, test, request)


class GivesAnothersGrant(Good):
    def make(self, address: str, fresh: bool) -> Grant:
        return super().make(ADDRESSES[0], fresh)


class AlwaysFromTheCache(Good):
    def make(self, address: str, fresh: bool) -> Grant:
        return super().make(address, fresh=False)


class LooksLikeAWrongPassword(Good):
    unknown = Reason.WRONG_PASSWORD


class CannotTellAnOutage(Good):
    outage = Reason.DELEGATION_MISSING


class WaitsAtStart(Good):
    def start(self) -> None:
        GOOGLE.answers.wait(0.3)


class WaitsForEver(Good):
    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        return super().grant(address, protocol, fresh=fresh, timeout_s=timeout_s + 0.5)


class HoldsTheHub(Good):
    def grant(self, address: str, protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        deadline = time.monotonic() + timeout_s
        while not GOOGLE.answers.is_set() and time.monotonic() < deadline:
            pass
        return super().grant(address, protocol, fresh=fresh, timeout_s=0)


class LeavesGreenlets(Good):
    def start(self) -> None:
        gevent.spawn(gevent.sleep, 2)
        gevent.sleep(0)


class PrintsTokens(Good):
    def make(self, address: str, fresh: bool) -> Grant:
        grant = super().make(address, fresh)
        print(grant.secret.reveal())
        return grant


class TakesPlainText(Good):
    def exchange(self, token: str) -> None: ...


BROKEN = [
    (GivesAnothersGrant, "test_grant_is_a_credential_of_this_account"),
    (GivesAnothersGrant, "test_many_logins_at_the_same_time_get_their_own_grants"),
    (AlwaysFromTheCache, "test_fresh_grant_is_never_from_the_cache"),
    (LooksLikeAWrongPassword, "test_accounts_without_credential_say_why"),
    (CannotTellAnOutage, "test_outage_is_unavailable_and_passes"),
    (WaitsAtStart, "test_start_does_not_wait_for_google"),
    (WaitsForEver, "test_slow_google_is_unavailable_within_the_deadline"),
    (HoldsTheHub, "test_slow_google_is_unavailable_within_the_deadline"),
    (LeavesGreenlets, "test_stop_leaves_nothing_behind"),
    (PrintsTokens, "test_secrets_do_not_show"),
    (TakesPlainText, "test_arguments_that_are_secrets_are_typed_so"),
]


@pytest.mark.parametrize(("provider", "test"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_broken_provider_fails(provider: type[Good], test: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError):
        run(provider, test, request)


def test_settings_that_are_not_declared_fail() -> None:
    contract = contract_for(Good)
    with pytest.raises(AssertionError):
        contract.test_settings_are_those_that_the_kind_declares(GoogleUnderTest(settings={}, addresses=ADDRESSES))


def test_every_test_of_the_contract_has_a_provider_that_fails_it() -> None:
    assert {test for _, test in BROKEN} | {"test_settings_are_those_that_the_kind_declares"} == set(TESTS)
