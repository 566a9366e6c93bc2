"""Bytes sent ahead, in pieces or all at once: each command is carried out once, in order, by whom it is meant for."""

import pytest

from cgappliance.testing.lab.world import TARO, YUKI

from .seen import touched, verbs
from .talking import ACCEPTED, CRLF, IMAP, POP3, PROTOCOLS, REFUSED, SMTP, WAYS, b64, plain, quoted, sized

pytestmark = pytest.mark.usefixtures("tidy")

LOGIN = b"a1 LOGIN " + quoted(YUKI.address.encode()) + b" " + quoted(YUKI.password.encode())
PLAIN = plain(YUKI.address.encode(), YUKI.password.encode())

MESSAGE = b"From: yuki@acme.example\r\nTo: taro@acme.example\r\nSubject: pipelined\r\n\r\nin one packet\r\n"

WRONG = b64(b"\0yuki@acme.example\0wrong")


@pytest.fixture
def gmail(world):
    """The look-alike, with nothing recorded yet."""
    world.gmail.control.clear_records()
    return world.gmail.control


def test_imap_commands_behind_the_login_are_delivered_once_and_in_order(gmail, talk):
    client = talk(IMAP)
    client.send(LOGIN + b"\r\na2 SELECT INBOX\r\na3 NOOP\r\na4 UID FETCH 1:* FLAGS\r\na5 LOGOUT\r\n")
    got = client.rest()
    tags = [line[:2] for line in got.split(CRLF) if line[:1] == b"a"]
    assert tags == [b"a1", b"a2", b"a3", b"a4", b"a5"]
    assert verbs(gmail) == ["SELECT", "NOOP", "UID FETCH", "LOGOUT"]


def test_imap_literals_and_the_next_commands_in_one_packet(gmail, talk):
    password = TARO.password.encode()
    client = talk(IMAP)
    client.send(
        b"a1 LOGIN " + TARO.address.encode() + b" " + sized(password, b"+") + CRLF + password + b"\r\na2 NOOP\r\na3 LOGOUT\r\n"
    )
    got = client.rest()
    assert [line[:5] for line in got.split(CRLF) if line[:1] == b"a"] == [b"a1 OK", b"a2 OK", b"a3 OK"]
    assert verbs(gmail) == ["NOOP", "LOGOUT"]


def test_imap_authenticate_with_its_answer_and_a_command_sent_ahead(gmail, talk):
    client = talk(IMAP)
    client.send(b"a1 AUTHENTICATE PLAIN\r\n" + PLAIN + b"\r\na2 NOOP\r\na3 LOGOUT\r\n")
    got = client.rest()
    assert [line[:5] for line in got.split(CRLF) if line[:1] == b"a"] == [b"a1 OK", b"a2 OK", b"a3 OK"]
    assert verbs(gmail) == ["NOOP", "LOGOUT"]


def test_imap_append_behind_the_login_arrives_byte_for_byte(world, talk):
    message = b"Subject: appended\r\n\r\n" + bytes(range(32, 127)) + b"\r\n" * 1000
    client = talk(IMAP)
    client.send(LOGIN + b"\r\na2 APPEND INBOX " + sized(message, b"+") + CRLF + message + CRLF)
    client.expect(b"a2 OK")
    assert message in world.gmail.control.messages(YUKI.address)


def test_pop3_commands_behind_the_login_are_delivered_once_and_in_order(gmail, talk):
    client = talk(POP3)
    client.send(b"USER " + TARO.address.encode() + b"\r\nPASS " + TARO.password.encode() + b"\r\nSTAT\r\nNOOP\r\nLIST\r\nQUIT\r\n")
    got = client.rest().split(CRLF)
    assert got[1].startswith(ACCEPTED[POP3])
    assert verbs(gmail) == ["STAT", "NOOP", "LIST", "QUIT"]
    assert got[-2] == b"+OK Farewell."


def test_pop3_sasl_and_the_next_commands_in_one_packet(gmail, talk):
    client = talk(POP3)
    client.send(b"AUTH PLAIN " + PLAIN + b"\r\nSTAT\r\nQUIT\r\n")
    client.rest()
    assert verbs(gmail) == ["STAT", "QUIT"]


def test_smtp_mail_in_the_packet_of_the_login(gmail, talk):
    client = talk(SMTP)
    client.ask(b"EHLO client.example")
    client.send(b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<yuki@acme.example>\r\nRCPT TO:<taro@acme.example>\r\nDATA\r\n")
    assert [client.answer()[:3] for _ in range(4)] == [b"235", b"250", b"250", b"354"]
    assert client.ask(MESSAGE + b".")[:3] == b"250"
    [envelope] = gmail.envelopes()
    assert (envelope["login"], envelope["sender"], envelope["recipients"]) == (YUKI.address, YUKI.address, [TARO.address])
    assert envelope["data"] == MESSAGE


def test_smtp_everything_in_one_packet(gmail, talk):
    chunk = b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE
    mail = b"MAIL FROM:<yuki@acme.example>\r\nRCPT TO:<taro@acme.example>\r\n" + chunk
    client = talk(SMTP)
    client.send(b"EHLO client.example\r\nAUTH PLAIN " + PLAIN + CRLF + mail + b"QUIT\r\n")
    codes = [line[:3] for line in client.rest().split(CRLF) if line and line[3:4] == b" "]
    assert codes == [b"250", b"235", b"250", b"250", b"250", b"221"]
    assert [envelope["data"] for envelope in gmail.envelopes()] == [MESSAGE]


# ---- what stands behind a login that is refused belongs to the appliance, never to Gmail


def test_imap_commands_behind_a_refused_login_reach_nobody(gmail, talk):
    client = talk(IMAP)
    client.send(b"a1 LOGIN yuki@acme.example wrong\r\na2 SELECT INBOX\r\na3 LOGOUT\r\n")
    lines = client.rest().split(CRLF)
    assert [line[:6] for line in lines if line[:1] == b"a"] == [b"a1 NO ", b"a2 BAD", b"a3 OK "]
    assert touched(gmail) == []


def test_pop3_commands_behind_a_refused_login_reach_nobody(gmail, talk):
    client = talk(POP3)
    client.send(b"AUTH PLAIN " + WRONG + b"\r\nSTAT\r\nQUIT\r\n")
    assert client.line() == REFUSED[POP3]
    assert [line[:4] for line in client.rest().split(CRLF)] == [b"-ERR", b"+OK ", b""]
    assert touched(gmail) == []


def test_smtp_commands_behind_a_refused_login_reach_nobody(gmail, talk):
    client = talk(SMTP)
    client.ask(b"EHLO client.example")
    client.send(b"AUTH PLAIN " + WRONG + b"\r\nMAIL FROM:<yuki@acme.example>\r\nQUIT\r\n")
    assert [line[:9] for line in client.rest().split(CRLF)[:3]] == [b"535 5.7.8", b"530 5.7.0", b"221 2.0.0"]
    assert touched(gmail) == []


# ---- records: how the bytes are cut means nothing


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_byte_in_a_tls_record_of_its_own(talk, way):
    client = talk(way.protocol)
    answer = b""
    for message in way.messages(YUKI.address.encode(), YUKI.password.encode()):
        for number in range(len(message)):
            client.send(message[number : number + 1])
        client.send(b"\r")
        client.send(b"\n")
        answer = client.answer()
    assert answer.startswith(ACCEPTED[way.protocol])


ASKS = {
    IMAP: (b"a1 CAPABILITY", b'a1 ID ("name" "test")', b"a1 NOOP"),
    POP3: (b"QUIT",),
    SMTP: (b"EHLO client.example", b"NOOP", b"RSET"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_several_commands_in_one_record_are_answered_one_by_one(talk, protocol):
    client = talk(protocol)
    client.send(b"".join(line + CRLF for line in ASKS[protocol]))
    answers = [client.answer() for _ in ASKS[protocol]]
    assert all(answer.startswith((b"OK", b"+OK", b"250")) for answer in answers)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_lines_may_end_with_lf_alone(talk, protocol):
    client = talk(protocol)
    client.send(ASKS[protocol][0] + b"\n")
    assert client.answer().startswith((b"OK", b"+OK", b"250"))
