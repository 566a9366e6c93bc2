import pytest

from cgappliance.proto.imap.grammar import Token, tokens
from cgappliance.proto.imap.identity import BadIdentity, client_identity
from cgappliance.proto.limits import DEFAULT_LIMITS


def identity(text: bytes) -> str:
    return client_identity(list(tokens(text)), DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"NIL", ""),
        (b"()", ""),
        (b'("name" "mbsync" "version" "1.4.4")', "mbsync 1.4.4"),
        (b'("version" "1.4.4" "NAME" "mbsync")', "mbsync 1.4.4"),
        (b'("name" NIL "version" "2")', "2"),
        (b'("name" "" "version" "2")', "2"),
        (b'("name" "first" "name" "second")', "first"),
        (b'("os" "Linux")', ""),
        (b'("name" "a\x07b\xff")', "a\ufffdb\ufffd"),
        ('("name" "メール")'.encode(), "メール"),
    ],
)
def test_name_and_version_are_told(text: bytes, name: str) -> None:
    assert identity(text) == name


def test_a_long_name_is_cut() -> None:
    assert identity(b'("name" "' + b"x" * 1024 + b'")') == "x" * 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"name",
        b'"NIL"',
        b"(name",
        b"name x)",
        b"(name)",
        b"(name x version)",
        b"((name) x)",
        b"(name (x))",
        b"(name x) (name y)",
        b"NIL NIL",
        b'("' + b"k" * 31 + b'" x)',
        b'(name "' + b"v" * 1025 + b'")',
        b"(" + b"k v " * 31 + b")",
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(BadIdentity):
        identity(text)


def test_thirty_pairs_are_taken() -> None:
    arguments: list[Token] = list(tokens(b"(" + b"k v " * 29 + b"name x)"))
    assert client_identity(arguments, DEFAULT_LIMITS) == "x"
