from base64 import b64encode
from string import printable

import pytest

from cgappliance.model import Credentials, Outcome, Reason
from cgappliance.proto.events import Accepted, Close, FrontEvent, LoginAttempt, NeedData, Send
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.sasl import MECHANISMS as OFFERED
from cgappliance.proto.smtp.front import AUTH_KEYWORD, SmtpFront

NAME = "taro@acme.example"
HOST = "mail.acme.example"
CHARACTERS = [*(character for character in printable if character.isprintable()), "秘", "ア", "é", "🔑"]
MECHANISMS = ["PLAIN", "PLAIN initial", "LOGIN", "LOGIN initial"]


def encoded(text: str) -> bytes:
    return b64encode(text.encode())


def login_lines(mechanism: str, password: str) -> list[bytes]:
    """Return what a client sends for one login."""
    plain = encoded(f"\0{NAME}\0{password}")
    return {
        "PLAIN": [b"AUTH PLAIN", plain],
        "PLAIN initial": [b"AUTH PLAIN " + plain],
        "LOGIN": [b"AUTH LOGIN", encoded(NAME), encoded(password)],
        "LOGIN initial": [b"AUTH LOGIN " + encoded(NAME), encoded(password)],
    }[mechanism]


def events(front: SmtpFront, *lines: bytes) -> list[FrontEvent]:
    front.feed(b"".join(line + b"\r\n" for line in lines))
    found: list[FrontEvent] = []
    while not isinstance(event := front.next_event(), NeedData | LoginAttempt | Close):
        found.append(event)
    return [*found, event]


def credentials(front: SmtpFront, *lines: bytes) -> Credentials:
    attempt = events(front, b"EHLO pc", *lines)[-1]
    assert isinstance(attempt, LoginAttempt)
    return attempt.credentials


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_password_of_any_printable_character_comes_through(mechanism: str, character: str) -> None:
    for password in (character, f"{character}a{character}", f"a{character}b"):
        typed = credentials(SmtpFront(HOST), *login_lines(mechanism, password))

        assert (typed.address, typed.password.reveal(), typed.defect) == (NAME, password, None)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_password_of_all_characters_comes_through(mechanism: str) -> None:
    password = "".join(CHARACTERS) + '合言葉は「山」と"川"\\'

    assert credentials(SmtpFront(HOST), *login_lines(mechanism, password)).password.reveal() == password


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_password_with_a_control_character_is_a_defect(mechanism: str, character: str) -> None:
    typed = credentials(SmtpFront(HOST), *login_lines(mechanism, f"secret{character}RSET"))

    assert (typed.defect, typed.password.reveal()) == (Reason.BAD_CHARACTERS, "")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_refused_login_sounds_the_same_through_every_mechanism(mechanism: str) -> None:
    front = SmtpFront(HOST)
    credentials(front, *login_lines(mechanism, "wrong"))

    assert front.refuse(Reason.UNKNOWN_ADDRESS) == b"535 5.7.8 You are not allowed to access this server\r\n"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_accepted_login_hands_over_what_follows(mechanism: str) -> None:
    front = SmtpFront(HOST)
    credentials(front, *login_lines(mechanism, "secret"), b"MAIL FROM:<>", b"RCPT TO:<>")

    assert front.accept(Accepted(b"235 2.7.0 Accepted")) == b"235 2.7.0 Accepted\r\n"
    assert front.unread() == b"MAIL FROM:<>\r\nRCPT TO:<>\r\n"


def test_every_mechanism_that_is_offered_is_accepted() -> None:
    for mechanism in AUTH_KEYWORD.split()[1:]:
        challenge = events(SmtpFront(HOST), b"EHLO pc", f"AUTH {mechanism}".encode())[1]

        assert isinstance(challenge, Send)
        assert challenge.data.startswith(b"334 ")


def test_keywords_are_the_upstreams_and_ours() -> None:
    reply = events(SmtpFront(HOST, ["DSN", "AUTH XOAUTH2", "STARTTLS"]), b"EHLO pc")[0]

    assert reply == Send(f"250-{HOST}\r\n250-DSN\r\n250 AUTH {' '.join(OFFERED)}\r\n".encode())


def test_upstream_without_keywords_leaves_ours() -> None:
    assert events(SmtpFront(HOST, []), b"EHLO pc")[0] == Send(f"250-{HOST}\r\n250 AUTH PLAIN LOGIN\r\n".encode())


def test_client_is_known_by_its_host_name_bounded() -> None:
    front = SmtpFront(HOST)
    events(front, b"EHLO " + b"x" * 500)

    assert front.client_id == "x" * 200


@pytest.mark.parametrize("name", [b"pc\x01", b"pc\x1f", b"pc\x7f", b"p\rc", b"", b"  "])
def test_host_name_with_control_characters_or_none_is_refused(name: bytes) -> None:
    assert events(SmtpFront(HOST), b"EHLO " + name)[0] == Send(b"501 5.5.4 EHLO needs a host name\r\n")


@pytest.mark.parametrize("name", ["pc", "[IPv6:2001:db8::1]", "my computer", "pc~", "山田"])
def test_host_name_that_is_only_unusual_is_taken(name: str) -> None:
    front = SmtpFront(HOST)

    assert events(front, b"EHLO " + name.encode())[0] != Send(b"501 5.5.4 EHLO needs a host name\r\n")
    assert front.client_id == name


def test_chunk_before_login_is_dropped_as_it_comes() -> None:
    front = SmtpFront(HOST)
    events(front, b"BDAT 9000000000 LAST")

    for _ in range(100):
        front.feed(b"QUIT\r\n" * 1000)

    assert front.next_event() == NeedData()
    assert front.unread() == b""


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED])
def test_refusal_closes_exactly_when_it_says_421(outcome: Outcome) -> None:
    front = SmtpFront(HOST)
    credentials(front, *login_lines("PLAIN initial", "secret"))

    line = front.refuse(next(reason for reason in Reason if reason.outcome is outcome))

    assert isinstance(front.next_event(), Close) == line.startswith(b"421 ")


def test_limits_are_those_given() -> None:
    front = SmtpFront(HOST, limits=PreLoginLimits(smtp_line=10, commands=2))

    assert events(front, b"NOOP 6789", b"NOOP", b"NOOP") == [
        Send(b"500 5.5.2 Line too long\r\n"),
        Send(b"250 2.0.0 OK\r\n"),
        Close(b"421 4.7.0 Too many commands before login, closing the connection\r\n", "too_many_commands"),
    ]


@pytest.mark.parametrize(
    "line", [b"MAIL FROM:<>", b"XX", b"AUTH X", b"AUTH", b"BDAT 1", b"BDAT", b"NOOP", b"RSET", b"HELP", b"QUIT"]
)
def test_reply_has_an_enhanced_code_of_its_class(line: bytes) -> None:
    *_, reply = [event for event in events(SmtpFront(HOST), b"EHLO pc", line) if isinstance(event, Send | Close)]

    assert reply.data[3:6] == b" " + reply.data[:1] + b"."
