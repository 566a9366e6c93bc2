from __future__ import annotations

import pytest

from cgappliance.admin.doctor.findings import State
from cgappliance.admin.doctor.login import look_at_login
from cgappliance.errors import LoginFailed
from cgappliance.model import Grant, GrantMechanism, MailProtocol, Reason, Tenant
from cgappliance.secret import Secret
from cgappliance.testing.gmail import GmailLookAlike
from cgappliance.testing.gmail.switches import Fault, FaultKind, Refusal, Stage
from tests.admin.doctor.conftest import YUKI
from tests.admin.doctor.reading import kinds

GOOD = "qwertyuiopasdfgh"


class Provider:
    """Gives passwords one after the other, or fails."""

    def __init__(self, *passwords: str, fails: Exception | None = None) -> None:
        self.passwords = list(passwords)
        self.fails = fails
        self.stopped = False

    def start(self) -> None: ...

    def grant(self, address: str, _protocol: MailProtocol, *, fresh: bool, timeout_s: float) -> Grant:
        if self.fails is not None:
            raise self.fails
        password = self.passwords[int(fresh)]
        return Grant(GrantMechanism.PASSWORD, address, Secret(password), from_cache=len(self.passwords) > 1 and not fresh)

    def stop(self) -> None:
        self.stopped = True


def look(tenant: Tenant, provider: Provider):
    finding = look_at_login(kinds(provider=provider), tenant, YUKI, None)
    assert provider.stopped
    assert GOOD not in str(finding)
    return finding


def test_credential_that_gmail_takes_is_good(at_gmail: Tenant) -> None:
    finding = look(at_gmail, Provider(GOOD))
    assert (finding.state, finding.sentence) == (State.OK, "good, by PASSWORD")


def test_of_two_passwords_the_second_may_be_the_good_one(at_gmail: Tenant) -> None:
    assert look(at_gmail, Provider("zzzzzzzzzzzzzzzz", GOOD)).state is State.OK


@pytest.mark.parametrize(
    ("refusal", "remedy", "manual"),
    [
        (Refusal.BAD_CREDENTIALS, "credential reset", "4.1 (2)"),
        (Refusal.APP_PASSWORD_REQUIRED, "2-Step Verification", "4.1 (2)"),
        (Refusal.WEB_LOGIN, "DisplayUnlockCaptcha", "4.2"),
    ],
)
def test_refusal_is_told_in_gmails_words_with_what_to_do(
    at_gmail: Tenant, gmail: GmailLookAlike, refusal: Refusal, remedy: str, manual: str
) -> None:
    gmail.state.servers[MailProtocol.SMTP].refuse_next = [refusal]
    finding = look(at_gmail, Provider(GOOD))
    assert (finding.state, finding.manual) == (State.PROBLEM, manual)
    assert remedy in finding.remedy
    assert finding.sentence.partition(": ")[2][:2] == "53"


def test_gmail_that_cannot_be_asked_says_nothing_of_the_credential(at_gmail: Tenant, gmail: GmailLookAlike) -> None:
    gmail.state.servers[MailProtocol.SMTP].faults = [Fault(FaultKind.DROP, Stage.GREETING)]
    assert look(at_gmail, Provider(GOOD)).state is State.SKIPPED


def test_missing_credential_is_told_with_what_to_do(at_gmail: Tenant) -> None:
    finding = look(at_gmail, Provider(fails=LoginFailed(Reason.NO_CREDENTIAL, "no password is kept")))
    assert (finding.state, "account provision" in finding.remedy) == (State.PROBLEM, True)


def test_provider_that_breaks_is_a_finding_without_its_words(at_gmail: Tenant) -> None:
    finding = look(at_gmail, Provider(fails=RuntimeError(f"password {GOOD}")))
    assert finding.sentence == "the provider 'fake' failed: RuntimeError"
