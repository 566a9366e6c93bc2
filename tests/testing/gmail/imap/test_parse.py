import pytest

from cgappliance.testing.gmail.imap.parse import Atom, BadCommand, parse, word, words


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (b"", []),
        (b"INBOX", [b"INBOX"]),
        (b'a "b c" d', [b"a", b"b c", b"d"]),
        (rb'"a\"b\\c"', [rb'a"b\c']),
        (b"{3}\r\na\r\n rest", [b"a\r\n", b"rest"]),
        (b"{0+}\r\n x", [b"", b"x"]),
        (b"(a (b c) ()) d", [[b"a", [b"b", b"c"], []], b"d"]),
        (b"1:* (UID BODY.PEEK[HEADER.FIELDS (To From)]<0.10>)", [b"1:*", [b"UID", b"BODY.PEEK[HEADER.FIELDS (To From)]<0.10>"]]),
        (b"\\Seen $Junk a]b", [b"\\Seen", b"$Junk", b"a]b"]),
    ],
)
def test_arguments_are_read(text: bytes, arguments: list[object]):
    assert parse(text) == arguments


def test_quoted_and_literal_are_no_atoms():
    assert [isinstance(argument, Atom) for argument in parse(b'a "a" {1}\r\na')] == [True, False, False]


@pytest.mark.parametrize("text", [b'"open', b"(a", b"a)", b"BODY[HEADER", b"{3}", b"a\r\nb"])
def test_what_is_no_imap_is_refused(text: bytes):
    with pytest.raises(BadCommand):
        parse(text)


def test_words_come_from_a_list_or_one_string():
    assert (words([b"a", b"b"]), words(b"a")) == (["a", "b"], ["a"])


def test_list_is_no_word():
    with pytest.raises(BadCommand):
        word([b"a"])
