from base64 import b64encode
from string import printable

import pytest

from cgappliance.model import Credentials, MailProtocol, Outcome, Reason
from cgappliance.proto.events import Accepted, Close, FrontEvent, LoginAttempt, NeedData, Send
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.pop3.front import CAPABILITIES, Pop3Front

NAME = "taro@acme.example"
CHARACTERS = [*(character for character in printable if character.isprintable()), "秘", "ア", "é", "🔑"]
MECHANISMS = ["USER", "PLAIN", "PLAIN initial", "LOGIN", "LOGIN initial"]


def encoded(text: str) -> bytes:
    return b64encode(text.encode())


def login_lines(mechanism: str, password: str) -> list[bytes]:
    """Return what a client sends for one login."""
    plain = encoded(f"\0{NAME}\0{password}")
    return {
        "USER": [f"USER {NAME}".encode(), f"PASS {password}".encode()],
        "PLAIN": [b"AUTH PLAIN", plain],
        "PLAIN initial": [b"AUTH PLAIN " + plain],
        "LOGIN": [b"AUTH LOGIN", encoded(NAME), encoded(password)],
        "LOGIN initial": [b"AUTH LOGIN " + encoded(NAME), encoded(password)],
    }[mechanism]


def events(front: Pop3Front, *lines: bytes) -> list[FrontEvent]:
    front.feed(b"".join(line + b"\r\n" for line in lines))
    found: list[FrontEvent] = []
    while not isinstance(event := front.next_event(), NeedData | LoginAttempt | Close):
        found.append(event)
    return [*found, event]


def credentials(front: Pop3Front, *lines: bytes) -> Credentials:
    attempt = events(front, *lines)[-1]
    assert isinstance(attempt, LoginAttempt)
    return attempt.credentials


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_password_of_any_printable_character_comes_through(mechanism: str, character: str) -> None:
    for password in (character, f"{character}a{character}", f"a{character}b"):
        typed = credentials(Pop3Front(), *login_lines(mechanism, password))

        assert (typed.address, typed.password.reveal(), typed.defect) == (NAME, password, None)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_password_of_all_characters_comes_through(mechanism: str) -> None:
    password = "".join(CHARACTERS) + '合言葉は「山」と"川"\\'

    assert credentials(Pop3Front(), *login_lines(mechanism, password)).password.reveal() == password


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("character", ["\t", "\x01", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_password_with_a_control_character_is_a_defect(mechanism: str, character: str) -> None:
    typed = credentials(Pop3Front(), *login_lines(mechanism, f"secret{character}DELE 1"))

    assert (typed.defect, typed.password.reveal()) == (Reason.BAD_CHARACTERS, "")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_refused_login_sounds_the_same_through_every_mechanism(mechanism: str) -> None:
    front = Pop3Front()
    credentials(front, *login_lines(mechanism, "wrong"))

    assert front.refuse(Reason.UNKNOWN_ADDRESS) == b"-ERR [AUTH] You are not allowed to access this server\r\n"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_accepted_login_hands_over_what_follows(mechanism: str) -> None:
    front = Pop3Front()
    credentials(front, *login_lines(mechanism, "secret"), b"STAT")

    assert front.accept(Accepted(b"+OK Welcome.")) == b"+OK Welcome.\r\n"
    assert front.unread() == b"STAT\r\n"


def test_every_capability_for_logging_in_is_accepted() -> None:
    mechanisms = next(line.split()[1:] for line in CAPABILITIES if line.startswith("SASL "))

    assert {f"{mechanism} initial" for mechanism in mechanisms} <= set(MECHANISMS)
    for mechanism in mechanisms:
        assert events(Pop3Front(), f"AUTH {mechanism}".encode())[0] != Send(b"-ERR Unknown authentication mechanism\r\n")
    assert "USER" in CAPABILITIES


def test_capability_that_gmail_lacks_is_not_offered() -> None:
    keywords = {line.split()[0] for line in CAPABILITIES}

    # AUTH-RESP-CODE is of the login alone, which is ours
    assert keywords - {"AUTH-RESP-CODE"} <= {"USER", "RESP-CODES", "EXPIRE", "LOGIN-DELAY", "TOP", "UIDL", "SASL"}


def test_greeting_offers_no_apop() -> None:
    assert b"<" not in Pop3Front().greeting()


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED])
def test_refusal_has_a_response_code_of_its_own(outcome: Outcome) -> None:
    front = Pop3Front()
    credentials(front, *login_lines("USER", "secret"))

    line = front.refuse(next(reason for reason in Reason if reason.outcome is outcome))

    assert line.startswith(b"-ERR [")
    assert line.endswith(b"\r\n")


def test_limits_are_those_given() -> None:
    front = Pop3Front(PreLoginLimits(pop3_line=10, commands=2))

    assert events(front, b"STAT 6789", b"STAT", b"STAT") == [
        Send(b"-ERR Line too long\r\n"),
        Send(b"-ERR Log in first\r\n"),
        Close(b"-ERR Too many commands before login\r\n", "too_many_commands"),
    ]


def test_client_has_no_name_in_pop3() -> None:
    front = Pop3Front()
    events(front, b"CAPA", b"USER taro@acme.example")

    assert (front.client_id, front.protocol) == ("", MailProtocol.POP3)
