"""What a trace tells, and that it cannot tell more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.model import MailProtocol
from cgappliance.proto import trace
from cgappliance.proto.trace import Redactor

IMAP, POP3, SMTP = MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SMTP

SECRET = b"hunter2"


def told(protocol, *pieces):
    """Feed pieces, "C" or "S" in front, and return what was told, likewise."""
    redactor = Redactor(protocol)
    lines = []
    for side, data in pieces:
        lines += [f"{side}: {line}" for line in (redactor.client if side == "C" else redactor.server)(data)]
    return lines


def test_imap_login_shows_the_command_and_its_size():
    assert told(IMAP, ("C", b'x7 LOGIN yuki@acme.example "hunter2"\r\n'), ("S", b"x7 NO [AUTHENTICATIONFAILED] no\r\n")) == [
        "C: #1 LOGIN (38 octets)",
        "S: #1 NO [AUTHENTICATIONFAILED] (33 octets)",
    ]


def test_imap_answers_carry_the_number_of_their_command():
    pieces = [("C", b"a NOOP\r\na CHECK\r\nb NOOP\r\n"), ("S", b"b OK\r\na OK\r\nz OK\r\n")]
    assert [line.split(" (")[0] for line in told(IMAP, *pieces)] == [
        *("C: #1 NOOP", "C: #2 CHECK", "C: #3 NOOP"),
        *("S: #3 OK", "S: #2 OK", "S: #0 OK"),
    ]


def test_imap_literals_are_content():
    pieces = [
        ("C", b"a LOGIN {4}\r\n"),
        ("S", b"+ go\r\n"),
        ("C", b"yuki {7+}\r\nNOOP\r\n \r\n"),
        ("C", b"b NOOP\r\n"),
    ]
    assert told(IMAP, *pieces) == [
        "C: #1 LOGIN (13 octets)",
        "S: + (6 octets)",
        "C: content (4 octets)",
        "C: more of the command (7 octets)",
        "C: content (7 octets)",
        "C: more of the command (2 octets)",
        "C: #2 NOOP (8 octets)",
    ]


def test_imap_answer_to_a_challenge_is_not_taken_for_a_command():
    pieces = [("C", b"a AUTHENTICATE PLAIN\r\n"), ("S", b"+ \r\n"), ("C", b"a SELECT\r\n"), ("C", b"b NOOP\r\n")]
    assert told(IMAP, *pieces)[2:] == ["C: answer to a challenge (10 octets)", "C: #2 NOOP (8 octets)"]
    assert told(IMAP, *pieces)[0] == "C: #1 AUTHENTICATE PLAIN (22 octets)"


def test_imap_mail_is_content():
    pieces = [
        ("C", b"a UID FETCH 1 BODY[]\r\n"),
        ("S", b"* 1 FETCH (BODY[] {12}\r\na LOGIN x y\n UID 7)\r\na OK Success\r\n"),
    ]
    assert told(IMAP, *pieces) == [
        "C: #1 UID FETCH (22 octets)",
        "S: * FETCH (24 octets)",
        "S: content (12 octets)",
        "S: more of the answer (9 octets)",
        "S: #1 OK (14 octets)",
    ]


def test_imap_idle_is_ended_by_a_line_without_tag():
    pieces = [("C", b"a IDLE\r\n"), ("S", b"+ idling\r\n"), ("S", b"* 3 EXISTS\r\n"), ("C", b"DONE\r\n"), ("S", b"a OK x\r\n")]
    assert told(IMAP, *pieces)[2:] == ["S: * EXISTS (12 octets)", "C: DONE (6 octets)", "S: #1 OK (8 octets)"]


def test_compressed_dialogue_is_only_counted():
    pieces = [("C", b"a COMPRESS DEFLATE\r\n"), ("S", b"a OK\r\n"), ("C", b"b NOOP\r\n"), ("S", b"\x00" * 9)]
    assert told(IMAP, *pieces)[2:] == ["C: compressed (8 octets)", "S: compressed (9 octets)"]


def test_pop3_mail_is_content():
    pieces = [
        ("C", b"PASS hunter2\r\nRETR 1\r\n"),
        ("S", b"+OK Welcome.\r\n+OK message follows\r\nSubject: x\r\n\r\nhunter2\r\n.\r\n-ERR [SYS/TEMP] x\r\n"),
    ]
    assert told(POP3, *pieces) == [
        "C: PASS (14 octets)",
        "C: RETR (8 octets)",
        "S: +OK (14 octets)",
        "S: +OK (21 octets)",
        "S: content (26 octets)",
        "S: -ERR [SYS/TEMP] (19 octets)",
    ]


def test_smtp_mail_is_content():
    pieces = [
        ("C", b"DATA\r\n"),
        ("S", b"354 Go ahead\r\n"),
        ("C", b"Subject: hunter2\r\n\r\nQUIT\r\n.\r\nQUIT\r\n"),
        ("S", b"250 2.0.0 OK 1\r\n"),
    ]
    assert told(SMTP, *pieces) == [
        "C: DATA (6 octets)",
        "S: 354 (14 octets)",
        "C: content (29 octets)",
        "C: QUIT (6 octets)",
        "S: 250 2.0.0 (16 octets)",
    ]


def test_smtp_login_and_chunks():
    pieces = [
        ("C", b"AUTH LOGIN\r\n"),
        ("S", b"334 VXNlcm5hbWU6\r\n"),
        ("C", b"aHVudGVyMg==\r\n"),
        ("C", b"BDAT 7 LAST\r\nhunter2NOOP\r\n"),
    ]
    assert told(SMTP, *pieces) == [
        "C: AUTH LOGIN (12 octets)",
        "S: 334 (18 octets)",
        "C: answer to a challenge (14 octets)",
        "C: BDAT (13 octets)",
        "C: content (7 octets)",
        "C: NOOP (6 octets)",
    ]


def words_of_this_file():
    """Return every word that a trace may be made of."""
    vocabularies = (value for value in vars(trace).values() if isinstance(value, frozenset))
    fixed = "unknown answer more of the command to a challenge content compressed octets empty line + * +OK -ERR"
    return {word for vocabulary in vocabularies for word in vocabulary} | trace._words(fixed)


def is_harmless(line, words):
    """Tell whether a line holds nothing but words of the vocabulary, numbers, and reply codes."""
    return all(
        part.strip("[]") in words or re.fullmatch(r"#?\d+|\(\d+|octets\)|[2-5]\d\d|[245]\.\d{1,3}\.\d{1,3}", part)
        for part in line.split(" ")
    )


PIECES = st.lists(
    st.tuples(
        st.sampled_from("CS"),
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [b"a LOGIN ", b"hunter2", b"\r\n", b"{7}\r\n", b"+ \r\n", b"354 x\r\n", b"BDAT 9\r\n", b"* OK [hunter2] "]
            ),
        ),
    ),
    max_size=30,
)


@pytest.mark.parametrize("protocol", list(MailProtocol))
@given(pieces=PIECES)
def test_nothing_but_the_vocabulary_is_ever_told(protocol, pieces):
    words = words_of_this_file()
    lines = [line.partition(": ")[2] for line in told(protocol, *pieces)]
    assert [line for line in lines if not is_harmless(line, words)] == []


@given(pieces=PIECES)
def test_every_octet_that_ended_in_a_line_is_counted_once(pieces):
    ended = [(side, data) for side, data in pieces] + [("C", b"\r\n.\r\n")]
    redactor = Redactor(POP3)
    lines = [line for side, data in ended if side == "C" for line in redactor.client(data)]
    counted = sum(int(re.search(r"\((\d+) octets\)", line)[1]) for line in lines)
    assert counted == sum(len(data) for side, data in ended if side == "C")


def test_memory_is_bounded_whatever_comes():
    redactor = Redactor(IMAP)
    for number in range(1000):
        redactor.client(b"tag%d NOOP\r\n" % number)
    for _ in range(1000):
        redactor.client(b"x" * 10_000)
    assert len(redactor._tags) == trace.TAGS_MAX
    assert len(redactor._client._head) == trace.HEAD_BYTES
