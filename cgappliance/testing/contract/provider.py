"""The contract of Google credential providers."""

# ruff: noqa: D102 - a test's name is its documentation

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gevent
import pytest

from cgappliance.errors import LoginFailed
from cgappliance.model import Grant, MailProtocol, Outcome, Reason
from cgappliance.plugin_api import CredentialProvider, ProviderKind, TenantContext
from cgappliance.secret import Secret
from cgappliance.testing.contract.common import (
    CONCURRENT,
    DOMAIN,
    HUB_GAP_S,
    SHORT_TIMEOUT_S,
    SLACK_S,
    START_S,
    TIMEOUT_S,
    Contract,
    Situation,
    situation,
)
from cgappliance.testing.observe import left_behind, secrets_in, untyped_secrets, watched_hub


@dataclass(frozen=True, slots=True)
class GoogleUnderTest:
    """What a provider's author tells about the Google behind it."""

    settings: Mapping[str, Any]
    addresses: Sequence[str]  #: accounts that Gmail can be logged in to
    refused: Mapping[Reason, str] = field(default_factory=dict)  #: accounts for which there is no credential, and why
    outage: Situation | None = None
    stall: Situation | None = None


class CredentialProviderContract(Contract):
    """Inherit, set ``kind``, and write the fixture ``google``."""

    kind: ClassVar[ProviderKind]

    @pytest.fixture
    def google(self) -> GoogleUnderTest:
        """Google, or what stands for it, running."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture called google")

    @pytest.fixture
    def provider(self, google: GoogleUnderTest) -> Iterator[CredentialProvider]:
        """The provider, started."""
        provider = self.make(google)
        provider.start()
        yield provider
        provider.stop()

    def make(self, google: GoogleUnderTest) -> CredentialProvider:
        """Return a provider, not started, as the host makes it."""
        return self.kind.make(TenantContext("contract", frozenset({DOMAIN}), google.settings))

    def grant(
        self,
        provider: CredentialProvider,
        address: str,
        protocol: MailProtocol = MailProtocol.IMAP,
        *,
        fresh: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> Grant:
        """Return what the provider gives."""
        return provider.grant(address, protocol, fresh=fresh, timeout_s=timeout_s)

    def refusal(self, provider: CredentialProvider, address: str, *, timeout_s: float = TIMEOUT_S) -> Reason:
        """Return why the provider gives nothing, not even when asked for something fresh."""
        with pytest.raises(LoginFailed) as failed:
            self.grant(provider, address, fresh=True, timeout_s=timeout_s)
        return failed.value.reason

    def test_settings_are_those_that_the_kind_declares(self, google: GoogleUnderTest) -> None:
        assert set(google.settings) == {setting.key for setting in self.kind.settings}
        assert self.kind.check(google.settings) == []

    @pytest.mark.parametrize("protocol", MailProtocol)
    def test_grant_is_a_credential_of_this_account(
        self, provider: CredentialProvider, google: GoogleUnderTest, protocol: MailProtocol
    ) -> None:
        for address in google.addresses:
            grant = self.grant(provider, address, protocol)
            assert grant.username == address
            assert isinstance(grant.secret, Secret)
            assert grant.secret
            assert grant.expires_in_s is None or grant.expires_in_s > 0

    def test_fresh_grant_is_never_from_the_cache(self, provider: CredentialProvider, google: GoogleUnderTest) -> None:
        for _ in range(2):
            assert not self.grant(provider, google.addresses[0], fresh=True).from_cache

    def test_accounts_without_credential_say_why(self, provider: CredentialProvider, google: GoogleUnderTest) -> None:
        """The person's password was right: never a reason that looks like a wrong one."""
        for reason, address in google.refused.items():
            assert reason.outcome is not Outcome.REFUSED
            assert self.refusal(provider, address) is reason

    def test_outage_is_unavailable_and_passes(self, provider: CredentialProvider, google: GoogleUnderTest) -> None:
        with situation(google.outage, "be down"):
            assert self.refusal(provider, google.addresses[0], timeout_s=SHORT_TIMEOUT_S).outcome is Outcome.UNAVAILABLE
        assert self.grant(provider, google.addresses[0], fresh=True).secret

    def test_start_does_not_wait_for_google(self, google: GoogleUnderTest) -> None:
        with situation(google.stall or google.outage, "be down"):
            started = time.monotonic()
            provider = self.make(google)
            provider.start()
            assert time.monotonic() - started < START_S
        provider.stop()

    def test_slow_google_is_unavailable_within_the_deadline(self, provider: CredentialProvider, google: GoogleUnderTest) -> None:
        with situation(google.stall, "be slow"), watched_hub() as hub:
            started = time.monotonic()
            assert self.refusal(provider, google.addresses[0], timeout_s=SHORT_TIMEOUT_S).outcome is Outcome.UNAVAILABLE
            assert time.monotonic() - started < SHORT_TIMEOUT_S + SLACK_S
        assert hub.longest_gap_s < HUB_GAP_S

    def test_many_logins_at_the_same_time_get_their_own_grants(self, provider: CredentialProvider, google: GoogleUnderTest) -> None:
        wanted = [google.addresses[number % len(google.addresses)] for number in range(CONCURRENT)]
        logins = [gevent.spawn(self.grant, provider, address) for address in wanted]
        gevent.joinall(logins, timeout=TIMEOUT_S)
        assert [login.value and login.value.username for login in logins] == wanted

    def test_stop_leaves_nothing_behind(self, google: GoogleUnderTest) -> None:
        def life() -> None:
            provider = self.make(google)
            provider.start()
            logins = [gevent.spawn(self.grant, provider, address) for address in google.addresses]
            gevent.joinall(logins, timeout=TIMEOUT_S)
            provider.stop()

        assert left_behind(life) == []

    def test_secrets_do_not_show(
        self,
        provider: CredentialProvider,
        google: GoogleUnderTest,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        grants = [self.grant(provider, address) for address in google.addresses]
        reasons = [self.refusal(provider, address) for address in google.refused.values()]
        told = "".join([repr(provider), repr(getattr(provider, "__dict__", "")), repr(grants), repr(reasons), caplog.text])
        told += "".join(capfd.readouterr())
        own = [value for value in google.settings.values() if isinstance(value, Secret)]
        assert secrets_in(told, *own, *(grant.secret for grant in grants)) == []

    def test_arguments_that_are_secrets_are_typed_so(self, provider: CredentialProvider) -> None:
        assert untyped_secrets(type(provider)) == []
