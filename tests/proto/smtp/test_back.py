from base64 import b64encode

import pytest

from cgappliance.model import Grant, GrantMechanism, Reason
from cgappliance.proto.events import Accepted, BackEvent, Greeted, NeedData, Refused, Send
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.sasl import xoauth2_response
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.secret import Secret

NAME = "taro@acme.example"
HOST = "mail.acme.example"


def back_with(mechanisms: str) -> SmtpBack:
    """Return a greeted back of an upstream with these mechanisms."""
    back = SmtpBack(HOST)
    assert said(back, b"220 smtp.example.com ESMTP") == Send(b"EHLO mail.acme.example\r\n")
    assert said(back, b"250-smtp.example.com\r\n250-SIZE 1\r\n250 AUTH " + mechanisms.encode()) == Greeted()
    return back


def said(back: SmtpBack, line: bytes) -> BackEvent:
    back.feed(line + b"\r\n")
    return back.next_event()


def token_for(octets: int) -> Grant:
    """Return a grant whose one-line command has so many octets, CRLF counted, or a few more."""
    for length in range(1, octets):
        grant = Grant(GrantMechanism.XOAUTH2, NAME, Secret("t" * length))
        if len(b"AUTH XOAUTH2 " + xoauth2_response(grant) + b"\r\n") >= octets:
            return grant
    raise AssertionError("no such token")


def test_token_that_fits_goes_in_one_line() -> None:
    back = back_with("PLAIN XOAUTH2")
    grant = token_for(511)  # base64 grows by 4 octets: the next step is 515

    back.login(grant)

    assert back.next_event() == Send(b"AUTH XOAUTH2 " + xoauth2_response(grant) + b"\r\n")


def test_token_that_does_not_fit_goes_in_two_steps() -> None:
    back = back_with("PLAIN XOAUTH2")

    back.login(token_for(513))

    assert back.next_event() == Send(b"AUTH XOAUTH2\r\n")


@pytest.mark.parametrize("text", [chr(code) for code in range(0x20, 0x7F)] + ["秘密", "\t"], ids=ascii)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_password_of_any_character_goes_as_it_is(mechanism: str, text: str) -> None:
    back = back_with(mechanism)
    password = f"{text}a{text}"
    back.login(Grant(GrantMechanism.PASSWORD, NAME, Secret(password)))
    sent = back.next_event()
    if mechanism == "LOGIN":
        assert said(back, b"334 VXNlcm5hbWU6") == Send(b64encode(NAME.encode()) + b"\r\n")
        sent = said(back, b"334 UGFzc3dvcmQ6")

    expected = (
        b64encode(password.encode()) if mechanism == "LOGIN" else b"AUTH PLAIN " + b64encode(f"\0{NAME}\0{password}".encode())
    )
    assert sent == Send(expected + b"\r\n")


def test_password_too_long_for_the_line_goes_in_two_steps() -> None:
    back = back_with("PLAIN")

    back.login(Grant(GrantMechanism.PASSWORD, NAME, Secret("x" * 400)))

    assert back.next_event() == Send(b"AUTH PLAIN\r\n")


@pytest.mark.parametrize("mechanism", GrantMechanism)
def test_secret_is_not_sent_where_no_mechanism_fits(mechanism: GrantMechanism) -> None:
    back = back_with("CRAM-MD5 GSSAPI")

    back.login(Grant(mechanism, NAME, Secret("secret")))

    assert back.next_event() == Refused(
        Reason.UPSTREAM_PROTOCOL, "does not offer a mechanism for our credential; offers CRAM-MD5 GSSAPI"
    )


def test_accepted_has_the_whole_reply_and_the_keywords() -> None:
    back = back_with("PLAIN")
    back.login(Grant(GrantMechanism.PASSWORD, NAME, Secret("secret")))
    back.next_event()

    assert said(back, b"235-2.7.0 a\r\n235 2.7.0 b") == Accepted(b"235-2.7.0 a\r\n235 2.7.0 b", ehlo=("SIZE 1",))


def test_refused_has_all_lines_on_one() -> None:
    back = back_with("PLAIN")
    back.login(Grant(GrantMechanism.PASSWORD, NAME, Secret("secret")))
    back.next_event()

    assert said(back, b"535-5.7.8 no\r\n535 5.7.8 go away") == Refused(Reason.CREDENTIAL_REFUSED, "535-5.7.8 no 535 5.7.8 go away")


def test_greeting_with_a_line_too_many_is_refused() -> None:
    back = SmtpBack(HOST, PreLoginLimits(greeting_lines=2))

    assert said(back, b"220-1\r\n220-2\r\n220 3") == Refused(Reason.UPSTREAM_PROTOCOL, "sent a reply that is too long: 220 3")


def test_half_a_reply_is_waited_for() -> None:
    back = SmtpBack(HOST)

    assert said(back, b"220-smtp.example.com") == NeedData()
    assert said(back, b"220 ESMTP") == Send(b"EHLO mail.acme.example\r\n")
