"""What logins show of the parts of a tenant's way."""

import pytest

from cgappliance.model import Reason
from cgappliance.net.health import Health, Part


@pytest.fixture
def clock():
    """The time; set ``clock.now``."""

    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


def found(health):
    return {(part.value, which): finding for part, which, finding in health}


def test_an_outage_is_noted_with_its_reason_until_it_is_over(health, clock):
    health.note(Part.DIRECTORY, Reason.DIRECTORY_TIMEOUT, "no answer within 10 s")
    finding = found(health)["directory", ""]
    assert (finding.healthy, finding.reason, finding.detail) == (False, Reason.DIRECTORY_TIMEOUT, "no answer within 10 s")
    health.note(Part.DIRECTORY, Reason.ACCEPTED)
    assert found(health)["directory", ""].healthy


@pytest.mark.parametrize("reason", [Reason.WRONG_PASSWORD, Reason.UNKNOWN_ADDRESS, Reason.DISABLED])
def test_a_refusal_shows_that_the_directory_works(health, reason):
    health.note(Part.DIRECTORY, reason, "52e")
    assert found(health)["directory", ""].healthy


@pytest.mark.parametrize("reason", [Reason.NO_CREDENTIAL, Reason.IMAP_OFF, Reason.WEB_LOGIN_REQUIRED, Reason.STORE_UNAVAILABLE])
def test_what_concerns_one_account_says_nothing(health, reason):
    health.note(Part.UPSTREAM, reason)
    assert found(health) == {}


def test_it_is_known_since_when_it_is_so(health, clock):
    health.note(Part.TOKEN, Reason.TOKEN_UNAVAILABLE)
    clock.now = 130.0
    health.note(Part.TOKEN, Reason.DELEGATION_MISSING)
    assert (found(health)["token", ""].since, found(health)["token", ""].at) == (100.0, 130.0)
    clock.now = 140.0
    health.note(Part.TOKEN, Reason.ACCEPTED)
    assert found(health)["token", ""].since == 140.0


def test_the_three_servers_of_gmail_are_told_apart(health, clock):
    health.note(Part.UPSTREAM, Reason.UPSTREAM_UNAVAILABLE, "refused", "pop3")
    health.note(Part.UPSTREAM, Reason.ACCEPTED, which="imap")
    assert {which: finding.healthy for (_, which), finding in found(health).items()} == {"pop3": False, "imap": True}
    clock.now = 110.0
    assert health.age_s(Part.UPSTREAM, "imap") == 10.0
    assert health.age_s(Part.UPSTREAM, "smtp") == float("inf")


def test_a_reload_keeps_what_is_known_unless_there_is_news(health, clock):
    health.note(Part.DIRECTORY, Reason.DIRECTORY_UNAVAILABLE)
    health.note(Part.TOKEN, Reason.TOKEN_UNAVAILABLE)
    newer = Health(clock)
    newer.note(Part.TOKEN, Reason.ACCEPTED)
    newer.adopt(health)
    assert {key: finding.healthy for key, finding in found(newer).items()} == {("directory", ""): False, ("token", ""): True}
