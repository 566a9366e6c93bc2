r"""The words of IMAP: tags, atoms, quoted strings, literal announcements, response codes. It may import the standard library only.

It knows the grammar of RFC 3501 section 9 and not what any command means. Three tolerances, as clients need them: runs of spaces
and spaces at a line's end are taken as one and none; quoted strings may hold 8-bit text (RFC 9051 allows UTF-8 there); atoms may
hold ``% * \``, which makes flags, sequences and patterns atoms too and lets an unquoted password hold them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Printable ASCII without ``( ) { "`` and space.
_ATOM = rb"[!#-'*-z|}~]+"
_TOKEN = re.compile(rb'(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\\r\0]++|\\["\\])*+)"|(?P<atom>' + _ATOM + rb")")
_ESCAPE = re.compile(rb'\\(["\\])')
#: RFC 3501: ASTRING-CHAR (printable ASCII without ``( ) { % * " \`` and space) but ``+``.
_TAG = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9.-]*")
_ANNOUNCEMENT = re.compile(rb"\{(\d+)(\+?)\}\Z")
_CODE = re.compile(rb"\[([!-Z^-~]+)")

#: RFC 3501 ``number`` has 32 bits: ten digits. What is longer is not computed, it is too large for anybody.
_DIGITS = 10


class Syntax(Exception):
    """The line is not of the grammar; the message may be told to the client."""


class TokenKind(enum.Enum):
    """What a token is; a literal and a quoted string are both STRING."""

    ATOM = "atom"
    STRING = "string"
    OPEN = "("
    CLOSE = ")"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a command. Its value may be a password and does not show."""

    kind: TokenKind
    value: bytes = field(default=b"", repr=False)

    @property
    def is_astring(self) -> bool:
        """True for a word that may stand for an ``astring``."""
        return self.kind is TokenKind.ATOM or self.kind is TokenKind.STRING

    @property
    def is_nil(self) -> bool:
        """True for the atom NIL."""
        return self.kind is TokenKind.ATOM and self.value.upper() == b"NIL"


@dataclass(frozen=True, slots=True)
class Announcement:
    """``{n}`` or ``{n+}`` at a line's end: n octets follow, for the latter without being asked for (RFC 7888)."""

    octets: int
    asks: bool  #: True: the sender waits for a continuation
    width: int  #: octets of the announcement itself


def announcement(line: bytes) -> Announcement | None:
    """Return the literal that ``line`` announces at its end, whatever stands before it."""
    found = _ANNOUNCEMENT.search(line)
    if not found:
        return None
    digits = found[1].lstrip(b"0")
    octets = int(digits or b"0") if len(digits) <= _DIGITS else 10**_DIGITS
    return Announcement(octets, not found[2], len(found[0]))


def is_tag(word: bytes, limit_bytes: int) -> bool:
    """Tell whether ``word`` is a tag: any other must not be sent back, a page in a browser could have chosen it."""
    return len(word) <= limit_bytes and _TAG.fullmatch(word) is not None


def command_name(word: bytes) -> str | None:
    """Return a command's name in capitals, or None when ``word`` cannot be one."""
    return word.decode("ascii").upper() if _NAME.fullmatch(word) else None


def tokens(text: bytes) -> Iterator[Token]:
    """Yield the words of one piece of a command: a line, or what follows a literal; a literal's announcement is not part of it.

    Raises:
        Syntax: a word is malformed or not set off from its neighbour.
    """
    at = 0
    while at < len(text):
        if text[at : at + 1] == b" ":
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if not found:
            raise Syntax("Malformed argument")
        at = found.end()
        yield _token(found)
        if not found["open"] and text[at : at + 1] not in {b"", b" ", b")"}:
            raise Syntax("Missing space between arguments")


def response_code(text: bytes) -> str:
    """Return the name of the response code at the start of ``text``, in capitals, or ""."""
    found = _CODE.match(text)
    return found[1].decode("ascii").upper() if found else ""


def _token(found: re.Match[bytes]) -> Token:
    match found.lastgroup:
        case "quoted":
            text = found["quoted"]
            return Token(TokenKind.STRING, _ESCAPE.sub(rb"\1", text) if b"\\" in text else text)
        case "atom":
            return Token(TokenKind.ATOM, found["atom"])
        case "open":
            return Token(TokenKind.OPEN)
    return Token(TokenKind.CLOSE)
