from __future__ import annotations

from dataclasses import replace

import pytest

from cgappliance.errors import DeadlineExceeded, Dismissed, LoginFailed, PeerGone
from cgappliance.model import AuthAnswer, GrantMechanism, Reason
from cgappliance.session import login

from .fakes import TOKEN, FakeFront, FakePorts, FakeStream

WHOLE_WAY = ["policy", "directory", "place", "token", "upstream", "login", "record"]
TOKEN_REFUSED = LoginFailed(Reason.CREDENTIAL_REFUSED, "invalid credentials")


def log_in(ports: FakePorts, *said: bytes | Exception) -> FakeStream:
    client = FakeStream(*said)
    login.run(client, FakeFront(), ports)
    return client


def test_login_asks_one_after_the_other_and_records_before_the_client_hears_yes() -> None:
    ports = FakePorts()
    client, front = FakeStream(b"login\n"), FakeFront()
    mailbox = login.run(client, front, ports)
    assert mailbox is not None
    assert mailbox.stream is ports.stream
    assert ports.asked == WHOLE_WAY
    assert client.sent == [b"greeting", b"yes: welcome"]
    assert ports.finished_attempts == [(Reason.ACCEPTED, "")]


def test_what_is_sent_behind_the_login_is_left_for_the_upstream() -> None:
    client, front = FakeStream(b"hello\nlogin\nsel", b"ect\n"), FakeFront()
    login.run(client, front, FakePorts())
    assert client.sent == [b"greeting", b"echo hello", b"yes: welcome"]
    assert front.unread() == b"sel"


def test_attempt_knows_who_logged_in_and_how() -> None:
    ports = FakePorts(grants=[replace(TOKEN, expires_in_s=3000.0)])
    log_in(ports, b"login\n")
    [attempt] = ports.attempts
    assert (attempt.identity, attempt.mechanism, attempt.expires_in_s) == ("cn=yuki", GrantMechanism.XOAUTH2, 3000.0)


@pytest.mark.parametrize(
    ("ports", "asked", "reason"),
    [
        (FakePorts(verdict=Reason.IP_NOT_ALLOWED), 1, Reason.IP_NOT_ALLOWED),
        (FakePorts(answer=AuthAnswer(Reason.WRONG_PASSWORD, "bind")), 2, Reason.WRONG_PASSWORD),
        (FakePorts(answer=AuthAnswer(Reason.DIRECTORY_TIMEOUT)), 2, Reason.DIRECTORY_TIMEOUT),
        (FakePorts(admission=LoginFailed(Reason.CONNECTION_LIMIT)), 3, Reason.CONNECTION_LIMIT),
        (FakePorts(grants=[LoginFailed(Reason.TOKEN_UNAVAILABLE)]), 4, Reason.TOKEN_UNAVAILABLE),
        (FakePorts(upstream_failure=LoginFailed(Reason.UPSTREAM_TLS)), 5, Reason.UPSTREAM_TLS),
        (FakePorts(logins=[LoginFailed(Reason.IMAP_OFF)]), 6, Reason.IMAP_OFF),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else "",
)
def test_whoever_says_no_is_the_last_to_be_asked(ports: FakePorts, asked: int, reason: Reason) -> None:
    client = log_in(ports, b"login\n")
    assert ports.asked == [*WHOLE_WAY[:asked], "record"]
    assert client.sent == [b"greeting", f"no: {reason.outcome.value}".encode()]
    assert [found for found, _detail in ports.finished_attempts] == [reason]


def test_detail_of_a_refusal_is_recorded_and_not_said() -> None:
    ports = FakePorts(answer=AuthAnswer(Reason.WRONG_PASSWORD, "dc1: data 52e"))
    client = log_in(ports, b"login\n")
    assert ports.finished_attempts == [(Reason.WRONG_PASSWORD, "dc1: data 52e")]
    assert not any(b"52e" in line for line in client.sent)


def test_refused_client_may_try_again_until_the_front_closes() -> None:
    ports = FakePorts(verdict=Reason.NO_PROFILE)
    client = log_in(ports, b"login\nlogin\nlogin\nlogin\n")
    assert client.sent == [b"greeting", *[b"no: refused"] * 3, b"bye"]
    assert len(ports.finished_attempts) == 3


# ---- a token that Gmail refuses


def test_refused_token_is_replaced_once() -> None:
    ports = FakePorts(logins=[TOKEN_REFUSED])
    assert log_in(ports, b"login\n").sent[-1] == b"yes: welcome"
    assert ports.asked == [*WHOLE_WAY[:6], "fresh token", "upstream", "login", "record"]


def test_token_that_is_refused_again_is_an_outage() -> None:
    ports = FakePorts(logins=[TOKEN_REFUSED, TOKEN_REFUSED])
    assert log_in(ports, b"login\n").sent[-1] == b"no: unavailable"
    assert ports.asked.count("login") == 2
    assert ports.finished_attempts == [(Reason.CREDENTIAL_REFUSED, "invalid credentials")]


def test_fresh_token_that_cannot_be_had_is_the_reason() -> None:
    ports = FakePorts(grants=[TOKEN, LoginFailed(Reason.TOKEN_UNAVAILABLE, "down")], logins=[TOKEN_REFUSED])
    log_in(ports, b"login\n")
    assert ports.finished_attempts == [(Reason.TOKEN_UNAVAILABLE, "down")]


@pytest.mark.parametrize("from_cache", [True, False])
def test_password_is_tried_again_only_when_there_may_be_another(from_cache: bool) -> None:
    grant = replace(TOKEN, mechanism=GrantMechanism.PASSWORD, from_cache=from_cache)
    ports = FakePorts(grants=[grant], logins=[TOKEN_REFUSED])
    log_in(ports, b"login\n")
    assert ports.asked.count("login") == (2 if from_cache else 1)


def test_other_refusals_of_gmail_are_not_tried_again() -> None:
    ports = FakePorts(logins=[LoginFailed(Reason.UPSTREAM_TEMPORARY)])
    log_in(ports, b"login\n")
    assert ports.asked.count("login") == 1


# ---- accepted, but


def test_login_that_cannot_be_recorded_is_none() -> None:
    ports = FakePorts(record_failure=LoginFailed(Reason.STORE_UNAVAILABLE, "disk full"))
    client = log_in(ports, b"login\n")
    assert client.sent[-1] == b"no: unavailable"
    assert ports.stream.closed
    assert ports.finished_attempts == [(Reason.STORE_UNAVAILABLE, "disk full")]


def test_client_that_is_gone_when_it_is_let_in_leaves_no_mailbox_open() -> None:
    ports = FakePorts()
    client = FakeStream(b"login\n")

    def vanish(attempt: object) -> None:
        client.broken = True

    ports.finished = vanish  # type: ignore[method-assign]
    with pytest.raises(PeerGone):
        login.run(client, FakeFront(), ports)
    assert ports.stream.closed


# ---- clients that do not log in


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (b"quit\n", b"goodbye"),
        (b"", b"greeting"),
        (DeadlineExceeded("slow"), b"bye: timeout"),
        (Dismissed(), b"bye: shutdown"),
    ],
)
def test_client_that_leaves_or_is_sent_away_is_told_so(said: bytes | Exception, last: bytes) -> None:
    ports = FakePorts()
    client = FakeStream(said)
    assert login.run(client, FakeFront(), ports) is None
    assert client.sent[-1] == last
    assert ports.asked == []


def test_lost_connection_is_the_callers_to_handle() -> None:
    with pytest.raises(PeerGone):
        log_in(FakePorts(), PeerGone("reset"))
