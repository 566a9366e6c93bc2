"""Arbitrary bytes, cut anywhere: only events of the vocabulary, the same whatever the cuts, in bounded memory."""

from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st

from cgappliance.model import Grant, GrantMechanism, Reason
from cgappliance.proto.events import Refused
from cgappliance.proto.limits import DEFAULT_LIMITS
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.proto.smtp.front import SmtpFront
from cgappliance.secret import Secret
from tests.wire.fuzz import CHUNK, cut, cuts, drive_back, drive_front, talk

NAME, SECRET = "taro@acme.example", "correct horse battery"
HOST = "mail.acme.example"
CLIENT_LINES = [
    *(b"EHLO pc", b"HELO pc", b"AUTH", b"AUTH PLAIN", b"AUTH LOGIN", b"AUTH XOAUTH2", b"NOOP", b"QUIT", b"*", b"=", b"\0"),
    *(b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA", b"BDAT 10", b"BDAT 9999999999 LAST", b"BDAT x", b"RSET", b"STARTTLS"),
    *(b"AUTH PLAIN " + b64encode(b"\0taro@acme.example\0secret"), b64encode(b"\0taro@acme.example\0secret"), b64encode(b"secret")),
]
SERVER_LINES = [
    *(
        b"220 ready",
        b"250-SIZE 1",
        b"250-AUTH PLAIN LOGIN XOAUTH2",
        b"250 OK",
        b"235 2.7.0 Accepted",
        b"334 ",
        b"334",
        b"235-2.7.0",
    ),
    *(b"535-5.7.8 no", b"535 5.7.8 no", b"421 4.7.0 later", b"334 VXNlcm5hbWU6", b"334 " + b64encode(b'{"status":"400"}')),
    *(b"501 not " + SECRET.encode(), b"501 not " + b64encode(b"\0" + NAME.encode() + b"\0" + SECRET.encode()), b"+OK Gpop ready"),
]
EHLO = b"250-smtp.example.com\r\n250-SIZE 1000\r\n250 AUTH "
ANSWERS = [Reason.WRONG_PASSWORD, Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_LIMIT, None]
GRANTS = [Grant(mechanism, NAME, Secret(secret)) for mechanism in GrantMechanism for secret in (SECRET, SECRET + "x" * 1000)]

answers = st.lists(st.sampled_from(ANSWERS), max_size=3)
grants = st.sampled_from(GRANTS)
mechanisms = st.sampled_from([b"PLAIN XOAUTH2", b"LOGIN XOAUTH2", b"CRAM-MD5"])


@settings(deadline=None)
@given(talk(CLIENT_LINES), cuts, answers)
def test_front_says_the_same_whatever_the_cuts(data: bytes, places: list[int], reasons: list[Reason | None]) -> None:
    data = b"EHLO pc\r\n" + data
    whole = drive_front(SmtpFront(HOST), cut(data, []), reasons)
    pieces = drive_front(SmtpFront(HOST), cut(data, places), reasons)

    assert (pieces.events, pieces.rest) == (whole.events, whole.rest)


@settings(deadline=None)
@given(talk(CLIENT_LINES), cuts, answers)
def test_front_holds_no_more_than_its_limits(data: bytes, places: list[int], reasons: list[Reason | None]) -> None:
    run = drive_front(SmtpFront(HOST), cut(b"EHLO pc\r\n" + data, places), reasons)

    # one unfinished line and the SASL answer before it; the constant is its own words
    assert run.held_at_most <= 2 * DEFAULT_LIMITS.sasl_line + CHUNK + 1024


@settings(deadline=None)
@given(talk(SERVER_LINES), talk(SERVER_LINES), cuts, cuts, grants)
def test_back_says_the_same_whatever_the_cuts(
    greeting: bytes, answer: bytes, places: list[int], others: list[int], grant: Grant
) -> None:
    turns = [b"220 ready\r\n", EHLO + b"PLAIN XOAUTH2\r\n", answer] if len(places) % 2 else [greeting, answer]
    whole = drive_back(SmtpBack(HOST), [cut(turn, []) for turn in turns], grant)
    pieces = drive_back(SmtpBack(HOST), [cut(turn, places if turn is greeting else others) for turn in turns], grant)

    assert (pieces.events, pieces.rest) == (whole.events, whole.rest)


@settings(deadline=None)
@given(talk(SERVER_LINES), cuts, grants, mechanisms)
def test_back_holds_no_more_than_its_limits_and_tells_no_secret(
    answer: bytes, places: list[int], grant: Grant, offers: bytes
) -> None:
    turns = [[b"220 ready\r\n"], [EHLO + offers + b"\r\n"], cut(answer, places)]
    run = drive_back(SmtpBack(HOST), turns, grant)

    assert run.held_at_most <= 2 * DEFAULT_LIMITS.reply_octets + CHUNK + 8192  # lines and their texts; the grant in its forms
    assert not any(
        SECRET in event.text or b64encode(SECRET.encode()).decode() in event.text
        for event in run.events
        if isinstance(event, Refused)
    )
