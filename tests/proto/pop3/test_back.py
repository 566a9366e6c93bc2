import pytest

from cgappliance.model import Grant, GrantMechanism, Reason
from cgappliance.proto.events import Accepted, Greeted, Refused, Send
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.sasl import xoauth2_response
from cgappliance.secret import Secret

NAME = "taro@acme.example"


@pytest.fixture
def back() -> Pop3Back:
    back = Pop3Back()
    back.feed(b"+OK Gpop ready\r\n")
    assert back.next_event() == Greeted()
    return back


def token_for(octets: int) -> Grant:
    """Return a grant whose one-line command has so many octets, CRLF counted."""
    for length in range(1, octets):
        grant = Grant(GrantMechanism.XOAUTH2, NAME, Secret("t" * length))
        if len(b"AUTH XOAUTH2 " + xoauth2_response(grant) + b"\r\n") >= octets:
            return grant
    raise AssertionError("no such token")


def test_token_that_fits_goes_in_one_line(back: Pop3Back) -> None:
    grant = token_for(255)

    back.login(grant)

    assert back.next_event() == Send(b"AUTH XOAUTH2 " + xoauth2_response(grant) + b"\r\n")


def test_token_that_does_not_fit_goes_in_two_steps(back: Pop3Back) -> None:
    back.login(token_for(256))

    assert back.next_event() == Send(b"AUTH XOAUTH2\r\n")


@pytest.mark.parametrize("text", [chr(code) for code in range(0x20, 0x7F)] + ["秘密", "\t"], ids=ascii)
def test_password_of_any_character_goes_as_it_is(back: Pop3Back, text: str) -> None:
    password = f"{text}a{text}"
    back.login(Grant(GrantMechanism.PASSWORD, NAME, Secret(password)))
    back.next_event()

    back.feed(b"+OK send PASS\r\n")

    assert back.next_event() == Send(f"PASS {password}\r\n".encode())


def test_recent_mode_reaches_gmail(back: Pop3Back) -> None:
    back.login(Grant(GrantMechanism.PASSWORD, f"recent:{NAME}", Secret("secret")))

    assert back.next_event() == Send(f"USER recent:{NAME}\r\n".encode())


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([b"-ERR"], Reason.UPSTREAM_TEMPORARY),
        ([b"+OK ready", b"-ERR"], Reason.UPSTREAM_PROTOCOL),
        ([b"+OK ready", b"+", b"-ERR"], Reason.CREDENTIAL_REFUSED),
    ],
)
def test_refusal_without_words_means_what_the_step_makes_of_it(turns: list[bytes], reason: Reason) -> None:
    back = Pop3Back()
    for turn in turns:
        back.feed(turn + b"\r\n")
        event = back.next_event()
        if isinstance(event, Greeted):
            back.login(token_for(300))
            back.next_event()

    assert isinstance(event, Refused)
    assert event.reason is reason


def test_welcome_is_handed_on_as_it_came(back: Pop3Back) -> None:
    back.login(token_for(200))
    back.next_event()

    back.feed(b"+OK Welcome.\r\n")

    assert back.next_event() == Accepted(b"+OK Welcome.")
