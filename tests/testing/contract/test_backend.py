"""A contract test that no broken backend fails is worth nothing: here each of them meets the backend that it is there for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest

from cgappliance.plugin_api import AuthAnswer, BackendKind, Credentials, Reason, Secret, Setting, SettingType, TenantContext
from cgappliance.testing.contract import ACCOUNTS, DOMAIN, Account, AuthBackendContract, DirectoryUnderTest

DISABLED = Account(f"disabled@{DOMAIN}", "Right-passw0rd")
BOOK = {account.address: account.password for account in (*ACCOUNTS, DISABLED)}


class Directory:
    """A directory in memory that can be down or stand still."""

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


DIRECTORY = Directory()


class Good:
    """Keeps the contract; the broken ones differ in one place each."""

    def __init__(self, context: TenantContext) -> None:
        self.service_password = context.settings["password_file"]

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        if not credentials.password:
            return AuthAnswer(Reason.EMPTY_PASSWORD)
        if not DIRECTORY.answers.wait(timeout_s):
            return AuthAnswer(Reason.DIRECTORY_TIMEOUT)
        if not DIRECTORY.up:
            return AuthAnswer(Reason.DIRECTORY_UNAVAILABLE)
        return self.compare(credentials)

    def compare(self, credentials: Credentials) -> AuthAnswer:
        gevent.sleep(0)
        if credentials.address not in BOOK:
            return AuthAnswer(Reason.UNKNOWN_ADDRESS)
        if credentials.password.reveal() != BOOK[credentials.address]:
            return AuthAnswer(Reason.WRONG_PASSWORD)
        return AuthAnswer(Reason.DISABLED if credentials.address == DISABLED.address else Reason.ACCEPTED)


def contract_for(backend: type[Good]) -> AuthBackendContract:
    contract = AuthBackendContract()
    contract.kind = BackendKind("fake", backend, (Setting("password_file", SettingType.SECRET_FILE, "Its own."),))  # type: ignore[misc]
    return contract


def directory() -> DirectoryUnderTest:
    return DirectoryUnderTest(
        settings={"password_file": Secret("service-5ecret")},
        refused={Reason.DISABLED: DISABLED},
        outage=DIRECTORY.down,
        stall=DIRECTORY.stalled,
    )


def run(backend: type[Good], test: str, request: pytest.FixtureRequest) -> None:
    """Run one test of the contract on a backend, with what it asks for."""
    contract = contract_for(backend)
    wanted = getattr(contract, test).__code__.co_varnames[: getattr(contract, test).__code__.co_argcount]
    given: dict[str, Any] = {"directory": directory()}
    if "backend" in wanted:
        given["backend"] = contract.make(given["directory"])
        given["backend"].start()
    given |= {name: request.getfixturevalue(name) for name in ("capfd", "caplog") if name in wanted}
    getattr(contract, test)(**{name: value for name, value in given.items() if name in wanted})


TESTS = [name for name in vars(AuthBackendContract) if name.startswith("test_")]


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"SHORT_TIMEOUT_S": 0.2, "SLACK_S": 0.1, "HUB_GAP_S": 0.1, "START_S": 0.1, "TIMEOUT_S": 2.0}.items():
        monkeypatch.setattr(f"cgappliance.testing.contract.backend.{name}", seconds)
    monkeypatch.setattr("cgappliance.testing.observe.SETTLE_S", 0.1)


@pytest.mark.parametrize("test", TESTS)
def test_good_backend_passes(test: str, request: pytest.FixtureRequest) -> None:
    run(Good, test, request)


class AcceptsAll(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        return AuthAnswer(Reason.ACCEPTED)


class IgnoresCase(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        same = BOOK.get(credentials.address, "").lower() == credentials.password.reveal().lower()
        return AuthAnswer(Reason.ACCEPTED if same else Reason.WRONG_PASSWORD)


class AsciiOnly(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        return super().compare(credentials) if credentials.password.reveal().isascii() else AuthAnswer(Reason.WRONG_PASSWORD)


class BindsAnonymously(Good):
    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        return super().authenticate(credentials, timeout_s) if credentials.password else AuthAnswer(Reason.ACCEPTED)


class PastesIntoPattern(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        name = credentials.address.partition("*")[0]
        known = next((address for address in BOOK if address.startswith(name)), "")
        return AuthAnswer(Reason.ACCEPTED if BOOK.get(known) == credentials.password.reveal() else Reason.WRONG_PASSWORD)


class TakesOutageForWrongPassword(Good):
    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        return super().authenticate(credentials, timeout_s) if DIRECTORY.up else AuthAnswer(Reason.WRONG_PASSWORD)


class NeverRecovers(Good):
    broken = False

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        self.broken = self.broken or not DIRECTORY.up or not DIRECTORY.answers.is_set()
        return AuthAnswer(Reason.DIRECTORY_UNAVAILABLE) if self.broken else super().authenticate(credentials, timeout_s)


class WaitsAtStart(Good):
    def start(self) -> None:
        DIRECTORY.answers.wait(0.3)


class WaitsForEver(Good):
    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        return super().authenticate(credentials, timeout_s + 0.5)


class HoldsTheHub(Good):
    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        deadline = time.monotonic() + timeout_s
        while not DIRECTORY.answers.is_set() and time.monotonic() < deadline:
            pass
        return super().authenticate(credentials, 0)


class GivesTheLastAnswer(Good):
    waiting = 0

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        self.waiting += 1
        answer = super().authenticate(credentials, timeout_s)
        if self.waiting > 1:  # an answer that nobody has taken is still there
            answer = AuthAnswer(Reason.ACCEPTED)
        self.waiting -= 1
        return answer


class DisabledMayLogIn(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        answer = super().compare(credentials)
        return AuthAnswer(Reason.ACCEPTED) if answer.reason is Reason.DISABLED else answer


class LeavesGreenlets(Good):
    def start(self) -> None:
        gevent.spawn(gevent.sleep, 2)
        gevent.sleep(0)


class PrintsPasswords(Good):
    def compare(self, credentials: Credentials) -> AuthAnswer:
        print(credentials.password.reveal())
        return super().compare(credentials)


class ShowsItsOwnPassword(Good):
    def __repr__(self) -> str:
        return f"<{self.service_password.reveal()}>"


class TakesPlainText(Good):
    def bind(self, password: str) -> None: ...


BROKEN = [
    (AcceptsAll, "test_wrong_passwords_are_refused"),
    (AcceptsAll, "test_unknown_address_is_refused"),
    (AcceptsAll, "test_accounts_that_may_not_log_in_are_refused_for_their_reason"),
    (DisabledMayLogIn, "test_accounts_that_may_not_log_in_are_refused_for_their_reason"),
    (IgnoresCase, "test_almost_right_passwords_are_refused"),
    (AsciiOnly, "test_right_passwords_are_accepted"),
    (BindsAnonymously, "test_empty_password_is_refused_without_asking"),
    (PastesIntoPattern, "test_address_is_never_a_pattern_or_a_path"),
    (TakesOutageForWrongPassword, "test_outage_is_never_a_wrong_password_and_passes"),
    (NeverRecovers, "test_outage_is_never_a_wrong_password_and_passes"),
    (NeverRecovers, "test_slow_directory_is_unavailable_within_the_deadline"),
    (WaitsAtStart, "test_start_does_not_wait_for_the_directory"),
    (WaitsForEver, "test_slow_directory_is_unavailable_within_the_deadline"),
    (HoldsTheHub, "test_waiting_lets_other_greenlets_run"),
    (GivesTheLastAnswer, "test_abandoned_logins_cost_no_later_one_its_answer"),
    (GivesTheLastAnswer, "test_many_logins_at_the_same_time_get_their_own_answers"),
    (LeavesGreenlets, "test_stop_leaves_nothing_behind"),
    (PrintsPasswords, "test_secrets_do_not_show"),
    (ShowsItsOwnPassword, "test_secrets_do_not_show"),
    (TakesPlainText, "test_arguments_that_are_secrets_are_typed_so"),
]


@pytest.mark.parametrize(("backend", "test"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_broken_backend_fails(backend: type[Good], test: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError):
        run(backend, test, request)


def test_settings_that_are_not_declared_fail() -> None:
    contract = contract_for(Good)
    with pytest.raises(AssertionError):
        contract.test_settings_are_those_that_the_kind_declares(DirectoryUnderTest(settings={}))


def test_every_test_of_the_contract_has_a_backend_that_fails_it() -> None:
    assert {test for _, test in BROKEN} | {"test_settings_are_those_that_the_kind_declares"} == set(TESTS)
