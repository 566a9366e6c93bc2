import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.proto.imap.grammar import (
    Announcement,
    Syntax,
    Token,
    TokenKind,
    announcement,
    command_name,
    is_tag,
    response_code,
    tokens,
)

PRINTABLE = bytes(range(0x20, 0x7F))


def atom(value: bytes) -> Token:
    return Token(TokenKind.ATOM, value)


def string(value: bytes) -> Token:
    return Token(TokenKind.STRING, value)


OPEN, CLOSE = Token(TokenKind.OPEN), Token(TokenKind.CLOSE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", []),
        (b"   ", []),
        (b"a b", [atom(b"a"), atom(b"b")]),
        (b"  a   b  ", [atom(b"a"), atom(b"b")]),
        (b"a@b.c p]w[", [atom(b"a@b.c"), atom(b"p]w[")]),
        (b"\\Seen 1:* %", [atom(b"\\Seen"), atom(b"1:*"), atom(b"%")]),
        (b'"" "a b"', [string(b""), string(b"a b")]),
        (rb'"\"q\" \\"', [string(b'"q" \\')]),
        ('"日本"'.encode(), [string("日本".encode())]),
        (b'"\xff\t"', [string(b"\xff\t")]),
        (b'("a" NIL)', [OPEN, string(b"a"), atom(b"NIL"), CLOSE]),
        (b"(()) ()", [OPEN, OPEN, CLOSE, CLOSE, OPEN, CLOSE]),
    ],
)
def test_text_becomes_words(text: bytes, words: list[Token]) -> None:
    assert list(tokens(text)) == words


@pytest.mark.parametrize(
    "text",
    [
        b'"',
        b'"a',
        b'a"b',
        b'"a"b',
        b'"a""b"',
        b"a(b",
        b"(a)b",
        b")(",
        b"a{3}b",
        b"{3}",
        rb'"\a"',
        b'"a\rb"',
        b'"a\0b"',
        b"\x07",
        b"\xff",
        b"\t",
    ],
)
def test_malformed_text_is_refused(text: bytes) -> None:
    with pytest.raises(Syntax):
        list(tokens(text))


@given(st.binary().filter(lambda data: not set(data) & set(b"\r\n\0")))
def test_any_text_without_line_ends_survives_quoting(value: bytes) -> None:
    quoted = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')

    assert list(tokens(b'"' + quoted + b'"')) == [string(value)]


@given(st.binary(max_size=60))
def test_any_bytes_are_words_or_a_syntax_error(text: bytes) -> None:
    octets = 0
    with contextlib.suppress(Syntax):
        for word in tokens(text):
            octets += len(word.value)
    assert octets <= len(text)


def test_an_unclosed_quote_of_full_length_costs_linear_time() -> None:
    started = time.process_time()
    with pytest.raises(Syntax):
        list(tokens(b'"' + b'\\"' * 100_000))
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"a LOGIN {5}", Announcement(5, asks=True, width=3)),
        (b"a LOGIN {29+}", Announcement(29, asks=False, width=5)),
        (b"{0}", Announcement(0, asks=True, width=3)),
        (b"{0000000000000000005}", Announcement(5, asks=True, width=21)),
        (b"{" + b"9" * 5000 + b"+}", Announcement(10**10, asks=False, width=5003)),
    ],
)
def test_a_literal_is_announced_at_the_end_of_a_line(line: bytes, expected: Announcement) -> None:
    assert announcement(line) == expected


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"{+}", b"{5} ", b"{5}x", b"{-5}", b"{5-}", b"{5++}", b"5}", "{５}".encode(), b"{5}\n"]
)
def test_other_line_ends_announce_nothing(line: bytes) -> None:
    assert announcement(line) is None


@pytest.mark.parametrize("tag", [b"a", b"A0001", b".", b"[x]", b"x" * 126])
def test_tags(tag: bytes) -> None:
    assert is_tag(tag, 126)


@pytest.mark.parametrize(
    "tag", [b"", b"*", b"+", b"a+", b"a b", b"(", b'"a"', b"a\\", b"a%", b"{1}", b"\xff", b"a\x07", b"x" * 127]
)
def test_what_is_no_tag(tag: bytes) -> None:
    assert not is_tag(tag, 126)


def test_of_printable_characters_a_tag_lacks_those_of_the_rfc() -> None:
    assert {octet for octet in PRINTABLE if not is_tag(bytes([octet]), 126)} == set(b'(){%*"\\+ ')


@pytest.mark.parametrize(
    ("word", "name"), [(b"noop", "NOOP"), (b"X-GM.1", "X-GM.1"), (b"", None), (b"1", None), (b"/", None), (b"a\xff", None)]
)
def test_command_names(word: bytes, name: str | None) -> None:
    assert command_name(word) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[ALERT] Please", "ALERT"),
        (b"[webalert https://x] y", "WEBALERT"),
        (b"[CAPABILITY IMAP4rev1]", "CAPABILITY"),
        (b"no code", ""),
        (b"[] x", ""),
        (b" [ALERT]", ""),
        (b"[\xff]", ""),
    ],
)
def test_response_codes(text: bytes, code: str) -> None:
    assert response_code(text) == code


def test_a_word_does_not_show_its_value() -> None:
    assert "geheim" not in repr(string(b"geheim"))


def test_kinds_of_words() -> None:
    assert [word.is_astring for word in (atom(b"a"), string(b"a"), OPEN, CLOSE)] == [True, True, False, False]
    assert [word.is_nil for word in (atom(b"nil"), atom(b"NIL"), string(b"NIL"), OPEN)] == [True, True, False, False]
