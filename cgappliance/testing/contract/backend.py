"""The contract of authentication backends."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gevent
import pytest

from cgappliance.model import AuthAnswer, Outcome, Reason
from cgappliance.plugin_api import AuthBackend, BackendKind, TenantContext
from cgappliance.secret import Secret
from cgappliance.testing.contract.common import (
    ACCOUNTS,
    CONCURRENT,
    DOMAIN,
    HUB_GAP_S,
    INJECTIONS,
    SHORT_TIMEOUT_S,
    SLACK_S,
    START_S,
    TIMEOUT_S,
    Account,
    Contract,
    Situation,
    credentials,
    situation,
)
from cgappliance.testing.observe import left_behind, secrets_in, untyped_secrets, watched_hub


@dataclass(frozen=True, slots=True)
class DirectoryUnderTest:
    """What a backend's author tells about the directory behind it."""

    settings: Mapping[str, Any]  #: all declared settings, typed, secrets read: as the host passes them
    accounts: Sequence[Account] = ACCOUNTS  #: the first one's password must be nobody else's
    unknown_address: str | None = f"nobody@{DOMAIN}"  #: None: the directory knows no addresses
    refused: Mapping[Reason, Account] = field(default_factory=dict)  #: refused although the password is right
    outage: Situation | None = None  #: the directory is down inside; None: it cannot be
    stall: Situation | None = None  #: it accepts connections inside and answers nothing, after it later; None: it cannot


class AuthBackendContract(Contract):
    """Inherit, set ``kind``, and write the fixture ``directory``."""

    kind: ClassVar[BackendKind]

    @pytest.fixture
    def directory(self) -> DirectoryUnderTest:
        """The directory, running, with its accounts in it."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture called directory")

    @pytest.fixture
    def backend(self, directory: DirectoryUnderTest) -> Iterator[AuthBackend]:
        """The backend, started."""
        backend = self.make(directory)
        backend.start()
        yield backend
        backend.stop()

    def make(self, directory: DirectoryUnderTest) -> AuthBackend:
        """Return a backend, not started, as the host makes it."""
        return self.kind.make(TenantContext("contract", frozenset({DOMAIN}), directory.settings))

    def log_in(self, backend: AuthBackend, account: Account, timeout_s: float = TIMEOUT_S) -> AuthAnswer:
        """Return the backend's answer to a right password."""
        return backend.authenticate(credentials(account.address, account.password), timeout_s)

    def try_wrong(self, backend: AuthBackend, account: Account, timeout_s: float = TIMEOUT_S) -> AuthAnswer:
        """Return the backend's answer to a wrong password."""
        return backend.authenticate(credentials(account.address, "Wr0ng-" + account.address), timeout_s)

    def test_settings_are_those_that_the_kind_declares(self, directory: DirectoryUnderTest) -> None:
        assert set(directory.settings) == {setting.key for setting in self.kind.settings}
        assert self.kind.check(directory.settings) == []

    def test_right_passwords_are_accepted(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        for account in directory.accounts:
            assert self.log_in(backend, account).reason is Reason.ACCEPTED, account.address

    def test_wrong_passwords_are_refused(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        for account in directory.accounts:
            assert self.try_wrong(backend, account).reason is Reason.WRONG_PASSWORD, account.address

    def test_almost_right_passwords_are_refused(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        account = directory.accounts[0]
        for almost in (account.password[:-1], account.password + " ", account.password.swapcase(), f" {account.password}"):
            answer = backend.authenticate(credentials(account.address, almost), TIMEOUT_S)
            assert answer.reason is Reason.WRONG_PASSWORD

    def test_empty_password_is_refused_without_asking(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        """RFC 4513 5.1.2: an LDAP server takes it for a login as nobody, and accepts. The host refuses it first; so do you."""
        answer = backend.authenticate(credentials(directory.accounts[0].address, ""), TIMEOUT_S)
        assert answer.reason.outcome is Outcome.REFUSED

    def test_unknown_address_is_refused(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        if directory.unknown_address is None:
            pytest.skip("the author says that the directory knows no addresses")
        unknown = Account(directory.unknown_address, directory.accounts[0].password)
        assert self.log_in(backend, unknown).reason in {Reason.UNKNOWN_ADDRESS, Reason.WRONG_PASSWORD}

    def test_address_is_never_a_pattern_or_a_path(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        if directory.unknown_address is None:
            pytest.skip("the author says that the directory knows no addresses")
        for address in INJECTIONS:
            answer = self.log_in(backend, Account(address, directory.accounts[0].password))
            assert answer.reason.outcome is Outcome.REFUSED, address

    def test_accounts_that_may_not_log_in_are_refused_for_their_reason(
        self, backend: AuthBackend, directory: DirectoryUnderTest
    ) -> None:
        for reason, account in directory.refused.items():
            assert self.log_in(backend, account).reason is reason
            assert self.try_wrong(backend, account).reason.outcome is Outcome.REFUSED, reason

    def test_outage_is_never_a_wrong_password_and_passes(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        account = directory.accounts[0]
        assert self.log_in(backend, account).accepted
        with situation(directory.outage, "be down"):
            assert self.log_in(backend, account, SHORT_TIMEOUT_S).reason.outcome is Outcome.UNAVAILABLE
            assert self.try_wrong(backend, account, SHORT_TIMEOUT_S).reason.outcome is Outcome.UNAVAILABLE
        assert self.log_in(backend, account).reason is Reason.ACCEPTED

    def test_start_does_not_wait_for_the_directory(self, directory: DirectoryUnderTest) -> None:
        with situation(directory.stall or directory.outage, "be down"):
            started = time.monotonic()
            backend = self.make(directory)
            backend.start()
            assert time.monotonic() - started < START_S
        assert self.log_in(backend, directory.accounts[0]).reason is Reason.ACCEPTED
        backend.stop()

    def test_slow_directory_is_unavailable_within_the_deadline(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        with situation(directory.stall, "be slow"):
            for _ in range(2):  # over a connection that was good, if there was one, and over a new one
                started = time.monotonic()
                assert self.log_in(backend, directory.accounts[0], SHORT_TIMEOUT_S).reason.outcome is Outcome.UNAVAILABLE
                assert time.monotonic() - started < SHORT_TIMEOUT_S + SLACK_S
        assert self.log_in(backend, directory.accounts[0]).reason is Reason.ACCEPTED

    def test_waiting_lets_other_greenlets_run(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        assert self.log_in(backend, directory.accounts[0]).accepted
        with situation(directory.stall, "be slow"), watched_hub() as hub:
            for _ in range(2):
                self.log_in(backend, directory.accounts[0], SHORT_TIMEOUT_S)
        assert hub.longest_gap_s < HUB_GAP_S

    def test_abandoned_logins_cost_no_later_one_its_answer(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        """The host gives a login up in the middle; the answer to it must not be taken for the next one's."""
        account = directory.accounts[0]
        assert self.log_in(backend, account).accepted
        with situation(directory.stall, "be slow"):
            abandoned = [gevent.spawn(self.log_in, backend, account) for _ in range(CONCURRENT)]
            gevent.sleep(0.2)
            gevent.killall(abandoned, timeout=TIMEOUT_S)
        later = [gevent.spawn(self.try_wrong, backend, account) for _ in range(5)]
        gevent.joinall(later, timeout=TIMEOUT_S)
        assert [login.value and login.value.reason for login in later] == [Reason.WRONG_PASSWORD] * 5
        assert self.log_in(backend, account).reason is Reason.ACCEPTED

    def test_many_logins_at_the_same_time_get_their_own_answers(self, backend: AuthBackend, directory: DirectoryUnderTest) -> None:
        cases = [(directory.accounts[number % len(directory.accounts)], number % 3 > 0) for number in range(CONCURRENT)]
        logins = [
            gevent.spawn(self.log_in if right else self.try_wrong, backend, account, 3 * TIMEOUT_S) for account, right in cases
        ]
        gevent.joinall(logins, timeout=3 * TIMEOUT_S)
        expected = [Reason.ACCEPTED if right else Reason.WRONG_PASSWORD for _, right in cases]
        assert [login.value and login.value.reason for login in logins] == expected

    def test_stop_leaves_nothing_behind(self, directory: DirectoryUnderTest) -> None:
        def life() -> None:
            backend = self.make(directory)
            backend.start()
            logins = [gevent.spawn(self.log_in, backend, directory.accounts[0]) for _ in range(10)]
            gevent.joinall(logins, timeout=TIMEOUT_S)
            backend.stop()

        assert left_behind(life) == []

    def test_secrets_do_not_show(
        self,
        backend: AuthBackend,
        directory: DirectoryUnderTest,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        account = directory.accounts[0]
        answers = [self.log_in(backend, account), self.try_wrong(backend, account)]
        if directory.outage is not None:
            with directory.outage():
                answers.append(self.log_in(backend, account, SHORT_TIMEOUT_S))
        told = "".join([repr(backend), repr(getattr(backend, "__dict__", "")), repr(answers), caplog.text, *capfd.readouterr()])
        own = [value for value in directory.settings.values() if isinstance(value, Secret)]
        assert secrets_in(told, account.password, "Wr0ng-", *own) == []

    def test_arguments_that_are_secrets_are_typed_so(self, backend: AuthBackend) -> None:
        assert untyped_secrets(type(backend)) == []
