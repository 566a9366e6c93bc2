"""Arbitrary bytes, cut anywhere: only events of the vocabulary, the same whatever the cuts, in bounded memory."""

from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st

from cgappliance.model import Grant, GrantMechanism, Reason
from cgappliance.proto.events import Refused
from cgappliance.proto.limits import DEFAULT_LIMITS
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.pop3.front import Pop3Front
from cgappliance.secret import Secret
from tests.wire.fuzz import CHUNK, cut, cuts, drive_back, drive_front, talk

NAME, SECRET = "taro@acme.example", "correct horse battery"
CLIENT_LINES = [
    *(b"CAPA", b"AUTH", b"AUTH PLAIN", b"AUTH LOGIN", b"AUTH XOAUTH2", b"STAT", b"QUIT", b"*", b"=", b"\0", b"AUTH CRAM-MD5"),
    *(b"USER taro@acme.example", b"PASS secret", b"PASS  ", b"USER recent:taro@acme.example", b"AUTH PLAIN ="),
    *(b"AUTH PLAIN " + b64encode(b"\0taro@acme.example\0secret"), b64encode(b"\0taro@acme.example\0secret"), b64encode(b"secret")),
]
SERVER_LINES = [
    *(b"+OK Gpop ready", b"+OK", b"+", b"+ ", b"-ERR", b"-ERR [AUTH] no", b"-ERR [SYS/TEMP] later", b"+ VXNlcm5hbWU6"),
    *(b"+ " + b64encode(b'{"status":"400"}'), b"-ERR not " + SECRET.encode(), b"* OK Gimap ready", b"+OK Welcome."),
]
ANSWERS = [Reason.WRONG_PASSWORD, Reason.UPSTREAM_TIMEOUT, Reason.SHUTDOWN, None]
GRANTS = [Grant(mechanism, NAME, Secret(secret)) for mechanism in GrantMechanism for secret in (SECRET, SECRET + "x" * 1000)]

answers = st.lists(st.sampled_from(ANSWERS), max_size=3)
grants = st.sampled_from(GRANTS)


@settings(deadline=None)
@given(talk(CLIENT_LINES), cuts, answers)
def test_front_says_the_same_whatever_the_cuts(data: bytes, places: list[int], reasons: list[Reason | None]) -> None:
    whole = drive_front(Pop3Front(), cut(data, []), reasons)
    pieces = drive_front(Pop3Front(), cut(data, places), reasons)

    assert (pieces.events, pieces.rest) == (whole.events, whole.rest)


@settings(deadline=None)
@given(talk(CLIENT_LINES), cuts, answers)
def test_front_holds_no_more_than_its_limits(data: bytes, places: list[int], reasons: list[Reason | None]) -> None:
    run = drive_front(Pop3Front(), cut(data, places), reasons)

    # one unfinished line and the SASL answer before it; the constant is its own words
    assert run.held_at_most <= 2 * DEFAULT_LIMITS.sasl_line + CHUNK + 1024


@settings(deadline=None)
@given(talk(SERVER_LINES), talk(SERVER_LINES), cuts, cuts, grants)
def test_back_says_the_same_whatever_the_cuts(
    greeting: bytes, answer: bytes, places: list[int], others: list[int], grant: Grant
) -> None:
    greeting = b"+OK ready\r\n" + greeting if len(places) % 2 else b"+OK ready\r\n"
    whole = drive_back(Pop3Back(), [cut(greeting, []), cut(answer, [])], grant)
    pieces = drive_back(Pop3Back(), [cut(greeting, places), cut(answer, others)], grant)

    assert (pieces.events, pieces.rest) == (whole.events, whole.rest)


@settings(deadline=None)
@given(talk(SERVER_LINES), cuts, grants)
def test_back_holds_no_more_than_its_limits_and_tells_no_secret(answer: bytes, places: list[int], grant: Grant) -> None:
    run = drive_back(Pop3Back(), [[b"+OK ready\r\n"], cut(answer, places)], grant)

    assert run.held_at_most <= DEFAULT_LIMITS.reply_line + CHUNK + 8192  # the grant in its two forms is the last
    assert not any(SECRET in event.text for event in run.events if isinstance(event, Refused))
