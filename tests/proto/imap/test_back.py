import base64
import string

import pytest

from cgappliance.model import MailProtocol, Reason
from cgappliance.proto.events import Accepted, Greeted, NeedData, Refused, Send
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.limits import PreLoginLimits
from tests.proto.imap.driver import TOKEN, greeted, one_byte_each, outcome, password, xoauth2

CHALLENGE = b"+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}') + b"\r\n"
REFUSAL = b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"


def command_of(back: ImapBack) -> bytes:
    event = back.next_event()
    assert isinstance(event, Send)
    return event.data


def message_of(command: bytes) -> bytes:
    return base64.b64decode(command.split(b" ")[3])


def refused(back: ImapBack, data: bytes) -> Refused:
    _, event = outcome(back, [data])
    assert isinstance(event, Refused)
    return event


def test_nothing_is_sent_before_the_greeting() -> None:
    back = ImapBack()

    assert back.next_event() == NeedData()
    with pytest.raises(RuntimeError):
        back.login(xoauth2())


def test_a_login_is_started_once() -> None:
    back = greeted(xoauth2())

    with pytest.raises(RuntimeError):
        back.login(xoauth2())


def test_a_warm_connection_waits_for_its_login() -> None:
    back = greeted()
    assert back.next_event() == NeedData()

    back.login(xoauth2())
    assert message_of(command_of(back)) == f"user=taro@acme.example\x01auth=Bearer {TOKEN}\x01\x01".encode()


@pytest.mark.parametrize("secret", [*string.printable[:95], string.printable[:95], "パスワード", "\N{GRINNING FACE}"])
def test_a_password_may_hold_any_character(secret: str) -> None:
    back = greeted()
    back.login(password(secret))

    assert message_of(command_of(back)) == f"\0taro@acme.example\0{secret}".encode()


def test_a_command_that_just_fits_goes_in_one_step_and_one_octet_more_in_two() -> None:
    whole = len(b"A1 AUTHENTICATE XOAUTH2 \r\n") + len(
        base64.b64encode(f"user=taro@acme.example\x01auth=Bearer {TOKEN}\x01\x01".encode())
    )
    one, two = greeted(limits=PreLoginLimits(imap_command=whole)), greeted(limits=PreLoginLimits(imap_command=whole - 1))
    one.login(xoauth2())
    two.login(xoauth2())

    assert len(command_of(one)) == whole
    assert command_of(two) == b"A1 AUTHENTICATE XOAUTH2\r\n"


@pytest.mark.parametrize("grant", [xoauth2(secret="a\r\nA2 LOGOUT"), xoauth2(username="a\x01b@acme.example"), password("a\0b")])
def test_a_credential_that_would_break_out_of_its_field_is_not_sent(grant: object) -> None:
    back = greeted()
    back.login(grant)  # type: ignore[arg-type]

    event = back.next_event()
    assert isinstance(event, Refused)
    assert event.reason is Reason.PROVIDER_FAILED


@pytest.mark.parametrize("pieces", [lambda data: [data], one_byte_each])
def test_the_error_challenge_is_answered_before_the_refusal(pieces) -> None:
    sent, event = outcome(greeted(xoauth2()), pieces(CHALLENGE + REFUSAL))

    assert sent == [b"\r\n"]
    assert isinstance(event, Refused)
    assert event.reason is Reason.CREDENTIAL_REFUSED
    assert '"status":"400"' in event.text


def test_untagged_lines_before_the_final_one_do_not_end_the_login() -> None:
    lines = b"* OK [ALERT] Hello\r\n* CAPABILITY IMAP4rev1 IDLE\r\n* 5 EXISTS\r\nA1 OK Success\r\n* 6 EXISTS\r\n"
    back = greeted(xoauth2())
    _, event = outcome(back, [lines])

    assert event == Accepted(b"OK Success", b"* CAPABILITY IMAP4rev1 IDLE\r\n")
    assert back.unread() == b"* 6 EXISTS\r\n"
    assert back.unread() == b""


def test_after_the_login_bytes_are_kept_for_the_client_unread() -> None:
    back = greeted(xoauth2())
    outcome(back, [b"A1 OK Success\r\n"])
    back.feed(b"A1 NO\r\n")

    assert back.next_event() == NeedData()
    assert back.unread() == b"A1 NO\r\n"


def test_a_final_line_that_came_before_the_login_is_no_answer_to_it() -> None:
    back = ImapBack()
    back.feed(b"* OK ready\r\n* CAPABILITY IMAP4rev1\r\nA1 OK welcome\r\n")
    assert back.next_event() == Greeted()
    back.login(xoauth2())

    assert back.next_event() == Refused(Reason.UPSTREAM_PROTOCOL, "A1 OK welcome")


def test_after_a_refusal_nothing_is_read_or_kept() -> None:
    back = greeted(xoauth2())
    first = refused(back, REFUSAL + b"A1 OK Success\r\n")
    back.feed(b"A1 OK Success\r\n" * 1000)

    assert back.next_event() is first
    assert len(back._buffer) == 0


@pytest.mark.parametrize("count", [126, 127])
def test_as_many_untagged_lines_as_the_limit_are_read_and_no_more(count: int) -> None:
    # with the greeting and the final line, 126 make the limit of 128
    _, event = outcome(greeted(xoauth2()), [b"* OK Still here\r\n" * count + b"A1 OK Success\r\n"])

    assert isinstance(event, Accepted) is (count == 126)


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_octets_as_the_limit_are_read_and_no_more(more: int) -> None:
    lines = [b"* OK Gimap ready", b"* OK " + b"x" * (50 + more), b"A1 OK Success"]
    limits = PreLoginLimits(reply_octets=sum(map(len, lines)) - more)
    _, event = outcome(greeted(xoauth2(), limits=limits), [b"\r\n".join(lines[1:]) + b"\r\n"])

    assert isinstance(event, Accepted) is (more == 0)


@pytest.mark.parametrize(
    "echo",
    [
        lambda message: TOKEN.encode(),
        lambda message: TOKEN.encode()[:12],
        lambda message: message,
        lambda message: message[:40] + b"...",
        lambda message: b"(" + TOKEN.encode() + b"," + message + b")",
    ],
)
def test_our_token_never_shows_in_what_the_server_said(echo) -> None:
    back = greeted()
    back.login(xoauth2())
    message = command_of(back).split(b" ")[3].strip()
    text = refused(back, b"* NO " + echo(message) + b"\r\nA1 BAD " + echo(message) + b"\r\n").text

    assert TOKEN[:12] not in text
    assert message.decode()[:40] not in text
    assert "****" in text


def test_what_the_server_said_is_bounded_and_printable() -> None:
    text = refused(greeted(xoauth2()), b"* NO " + b"\x1b[2J\x00\xff" * 100 + b"\r\nA1 NO " + b"x" * 5000 + b"\r\n").text

    assert len(text) <= 300
    assert text.isprintable()


def test_the_credential_is_let_go_when_the_login_has_ended() -> None:
    for ending in (b"A1 OK Success\r\n", REFUSAL):
        grant = xoauth2(secret="ya29.only-here")
        back = greeted(grant)
        outcome(back, [ending])

        assert grant not in vars(back).values()
        assert back._to_send == b""


def test_no_credential_shows_in_a_repr() -> None:
    back = greeted()
    back.login(xoauth2())
    event = back.next_event()

    assert isinstance(event, Send)
    assert TOKEN not in repr(back) + repr(event)
    assert event.data.split(b" ")[3].strip().decode() not in repr(event)


def test_its_protocol_is_imap() -> None:
    assert ImapBack.protocol is MailProtocol.IMAP
