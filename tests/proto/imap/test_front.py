import base64
import string

import pytest

from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.proto.events import Accepted, Close, Farewell, LoginAttempt, NeedData, Send
from cgappliance.proto.imap.front import AFTER_LOGIN, CAPABILITIES, ImapFront
from cgappliance.proto.limits import PreLoginLimits
from tests.proto.imap.driver import held, one_byte_each, talk

ADDRESS = b"taro@acme.example"
PASSWORDS = [
    *string.printable[:95],
    string.printable[:95].strip(),
    " leading",
    "trailing ",
    "パスワード１２３",
    "密碼 \N{GRINNING FACE}",
    'a\\"b\\\\',
]
SUCCESS = Accepted(b"OK taro@acme.example authenticated (Success)")


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def quoted(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def literal(value: bytes, plus: bytes = b"") -> bytes:
    return b"{%d%s}\r\n%s" % (len(value), plus, value)


def plain(value: bytes) -> bytes:
    return b64(b"\0" + ADDRESS + b"\0" + value)


WAYS = {
    "quoted": lambda word: b"a LOGIN %s %s\r\n" % (ADDRESS, quoted(word)),
    "literal": lambda word: b"a LOGIN %s %s\r\n" % (literal(ADDRESS), literal(word)),
    "literal+": lambda word: b"a LOGIN %s %s\r\n" % (literal(ADDRESS, b"+"), literal(word, b"+")),
    "mixed": lambda word: b"a LOGIN %s %s\r\n" % (quoted(ADDRESS), literal(word, b"+")),
    "plain with initial response": lambda word: b"a AUTHENTICATE PLAIN %s\r\n" % plain(word),
    "plain": lambda word: b"a AUTHENTICATE PLAIN\r\n%s\r\n" % plain(word),
    "login with initial response": lambda word: b"a AUTHENTICATE LOGIN %s\r\n%s\r\n" % (b64(ADDRESS), b64(word)),
    "login": lambda word: b"a AUTHENTICATE LOGIN\r\n%s\r\n%s\r\n" % (b64(ADDRESS), b64(word)),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_printable_character_and_japanese_text_comes_through(way: str) -> None:
    for word in PASSWORDS:
        data = WAYS[way](word.encode())
        for pieces in ([data], one_byte_each(data)):
            heard = talk(ImapFront(), pieces)
            assert [(attempt.address, attempt.password.reveal(), attempt.defect) for attempt in heard.attempts] == [
                (ADDRESS.decode(), word, None)
            ]


def test_every_character_that_an_atom_may_hold_comes_through_unquoted() -> None:
    word = "".join(character for character in string.printable[:94] if character not in '(){"')
    heard = talk(ImapFront(), [b"a LOGIN %s %s\r\n" % (ADDRESS, word.encode())])

    assert heard.attempts[0].password.reveal() == word


# -- what is advertised ----------------------------------------------------------------------------------------------------


def test_greeting_and_capability_say_the_same() -> None:
    said = talk(ImapFront(), [b"a CAPABILITY\r\n"]).said
    greeting = ImapFront().greeting()

    assert said == b"* CAPABILITY %s\r\na OK CAPABILITY completed\r\n" % " ".join(CAPABILITIES).encode()
    assert greeting == b"* OK [CAPABILITY %s] cgappliance ready\r\n" % " ".join(CAPABILITIES).encode()


def test_nothing_is_advertised_that_gmail_lacks_or_that_brings_a_token() -> None:
    gmail = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE"
    gmail += " ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE SASL-IR"
    ours = {"AUTH=PLAIN", "AUTH=LOGIN"}

    assert set(CAPABILITIES) - ours <= set(gmail.split())
    assert {word for word in CAPABILITIES if word.startswith("AUTH=")} == ours
    assert not {"LITERAL+", "STARTTLS", "COMPRESS=DEFLATE", "ENABLE"} & set(CAPABILITIES)


def test_each_capability_that_matters_before_login_is_accepted() -> None:
    accepted = {
        "SASL-IR": b"a AUTHENTICATE PLAIN " + plain(b"pw"),
        "LITERAL-": b"a LOGIN %s %s" % (literal(ADDRESS, b"+"), literal(b"pw", b"+")),
        "ID": b"a ID NIL",
        "AUTH=PLAIN": b"a AUTHENTICATE PLAIN",
        "AUTH=LOGIN": b"a AUTHENTICATE LOGIN",
    }
    for capability, command in accepted.items():
        heard = talk(ImapFront(), [command + b"\r\n"])
        assert capability in CAPABILITIES
        assert heard.attempts or heard.said.startswith((b"+", b"* ID"))


@pytest.mark.parametrize("command", sorted(AFTER_LOGIN))
def test_commands_for_later_are_told_to_wait_and_are_no_offence(command: str) -> None:
    front = ImapFront(PreLoginLimits(bad_commands=1))

    assert talk(front, [f"a {command} x\r\n".encode()]).said == b"a BAD Please log in first\r\n"


# -- the login itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.outcome is Outcome.REFUSED])
def test_all_refusals_are_the_same_bytes(reason: Reason) -> None:
    heard = talk(ImapFront(), [b"a LOGIN taro@acme.example pw\r\n"], reason)

    assert heard.said == b"a NO [AUTHENTICATIONFAILED] You are not allowed to access this server\r\n"


@pytest.mark.parametrize(
    "command", [b"AUTHENTICATE XOAUTH2", b"AUTHENTICATE OAUTHBEARER", b"AUTHENTICATE PLAIN-CLIENTTOKEN", b"AUTHENTICATE XOAUTH2 %s"]
)
def test_a_clients_own_token_is_never_asked_for_and_never_kept(command: bytes) -> None:
    message = b64(b"user=taro@acme.example\x01auth=Bearer ya29.own\x01\x01")
    front = ImapFront()
    heard = talk(front, [b"a " + command.replace(b"%s", message) + b"\r\n"], Reason.CLIENT_TOKEN)

    assert heard.attempts[0].defect is Reason.CLIENT_TOKEN
    assert not heard.attempts[0].password
    assert heard.said == b"a NO [AUTHENTICATIONFAILED] You are not allowed to access this server\r\n"


def test_gmails_untagged_lines_and_final_answer_reach_the_client_with_its_tag() -> None:
    accepted = Accepted(b"OK [CAPABILITY X] Success", b"* CAPABILITY IMAP4rev1 IDLE\r\n")
    heard = talk(ImapFront(), [b"x.1 LOGIN taro@acme.example pw\r\n"], accepted)

    assert heard.said == b"* CAPABILITY IMAP4rev1 IDLE\r\nx.1 OK [CAPABILITY X] Success\r\n"


def test_what_is_pipelined_behind_the_login_comes_back_once_and_in_order() -> None:
    front = ImapFront()
    talk(front, [b"a LOGIN taro@acme.example pw\r\nb SELECT INBOX\r\n", b"c LOGIN x y\r\n"], SUCCESS)
    front.feed(b"d NOOP")

    assert isinstance(front.next_event(), NeedData)
    assert front.unread() == b"b SELECT INBOX\r\nc LOGIN x y\r\nd NOOP"
    assert front.unread() == b""


def test_nothing_is_parsed_while_a_login_waits() -> None:
    front = ImapFront()
    heard = talk(front, [b"a LOGIN taro@acme.example pw\r\nb LOGOUT\r\n", b"c LOGOUT\r\n"])

    assert (heard.said, heard.closed, len(heard.attempts)) == (b"", "", 1)


def test_after_a_refusal_the_client_may_try_again_by_any_means() -> None:
    front = ImapFront()
    talk(front, [b"a LOGIN taro@acme.example wrong\r\n"], Reason.WRONG_PASSWORD)
    heard = talk(front, [b"b AUTHENTICATE LOGIN\r\n", b64(ADDRESS) + b"\r\n", b64(b"right") + b"\r\n"], SUCCESS)

    assert heard.said.endswith(b"b OK taro@acme.example authenticated (Success)\r\n")


def test_one_clients_bad_base64_does_not_break_the_next_login_cve_2025_59028() -> None:
    broken, fine = ImapFront(), ImapFront()
    assert talk(broken, [b"a AUTHENTICATE PLAIN !!!\r\n"]).said.startswith(b"a BAD")

    for front in (fine, broken):
        assert talk(front, [b"b AUTHENTICATE PLAIN %s\r\n" % plain(b"pw")], SUCCESS).said.startswith(b"b OK")


def test_an_answer_without_a_waiting_login_is_our_bug() -> None:
    with pytest.raises(RuntimeError):
        ImapFront().refuse(Reason.WRONG_PASSWORD)
    with pytest.raises(RuntimeError):
        ImapFront().accept(SUCCESS)


# -- budgets and limits ----------------------------------------------------------------------------------------------------


def test_after_a_close_nothing_is_read_or_kept() -> None:
    front = ImapFront()
    assert talk(front, [b"a LOGOUT\r\nb LOGIN taro@acme.example pw\r\n"]).closed == "quit"
    front.feed(b"c NOOP\r\n" * 1000)

    assert isinstance(front.next_event(), Close)
    assert held(front) == 0
    assert front.unread() == b""


def test_the_last_try_closes_and_the_one_before_does_not() -> None:
    front = ImapFront(PreLoginLimits(login_tries=2))

    assert not talk(front, [b"a LOGIN taro@acme.example 1\r\n"], Reason.WRONG_PASSWORD).closed
    assert talk(front, [b"b LOGIN taro@acme.example 2\r\n"], Reason.THROTTLED).closed == "too_many_logins"


def test_a_shutdown_is_the_answer_and_the_end() -> None:
    heard = talk(ImapFront(), [b"a LOGIN taro@acme.example pw\r\n"], Reason.SHUTDOWN)

    assert heard.said == b"* BYE The service is restarting, please connect again\r\n"
    assert heard.closed == "shutdown"


FLOODS = {
    "endless line": [b"a LOGIN " + b"x" * 4096] * 10,
    "endless tag": [b"x" * 4096] * 10,
    "literal not asked for": [b"a LOGIN {4000+}\r\n"] + [b"x" * 4000] * 10,
    "literals without end": [b"a ID ("] + [b"x {1000+}\r\n" + b"y" * 1000 + b" "] * 70,
    "login literals without end": [b"a LOGIN"] + [b" {1000+}\r\n" + b"y" * 1000] * 10,
    "mail": [b"a APPEND INBOX {4096+}\r\n" + b"m" * 4000] * 50,
    "parentheses": [b"a ID " + b"(" * 4000] * 10,
    "sasl answer": [b"a AUTHENTICATE PLAIN\r\n"] + [b"A" * 4000] * 10,
    "sasl name and password": [b"a AUTHENTICATE LOGIN\r\n", b64(b"n" * 9000) + b"\r\n", b"A" * 12000],
    "commands": [b"a NOOP\r\n" * 500] * 10,
    "empty lines": [b"\r\n" * 2000] * 10,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_bounded_in_memory(flood: str) -> None:
    front = ImapFront()
    heard = talk(front, FLOODS[flood])

    assert heard.most_held <= 9000 + 12288
    assert held(front) <= 9000 + 12288


def test_the_farewells_are_imaps() -> None:
    assert ImapFront().bye(Farewell.CONNECTION_LIMIT).startswith(b"* BYE ")
    assert ImapFront.protocol is MailProtocol.IMAP


@pytest.mark.parametrize(
    "arguments", ["LOGIN ( pw", "LOGIN taro@acme.example )", "LOGIN a b c", "AUTHENTICATE ( AA==", "AUTHENTICATE PLAIN ("]
)
def test_a_parenthesis_is_no_argument(arguments: str) -> None:
    heard = talk(ImapFront(), [f"a {arguments}\r\n".encode()])

    assert (heard.said, heard.attempts) == (b"a BAD Wrong arguments\r\n", [])


def test_no_password_shows_in_what_the_front_hands_out_or_is() -> None:
    front = ImapFront()
    front.feed(b"a AUTHENTICATE LOGIN\r\n%s\r\n%s\r\n" % (b64(ADDRESS), b64(b"geheim")))
    events = [front.next_event() for _ in range(2)]
    front._exchange.answers.append(b"geheim")
    underway = repr(front._exchange)
    front._exchange.answers.pop()
    events.append(front.next_event())

    assert "geheim" not in underway
    assert [type(event) for event in events] == [Send, Send, LoginAttempt]
    assert "geheim" not in repr(events) + repr(front) + repr(front._reader) + repr(front._exchange)
    assert b64(b"geheim").decode() not in repr(events)
