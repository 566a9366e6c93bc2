"""The arguments of an IMAP command: atoms, strings, literals and lists, from the command's complete bytes.

Pure. Written apart from ``cgappliance.proto.imap``, which is under test: a mistake shared by both sides would not show.
"""

from __future__ import annotations

import re

LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n")
LITERAL_AT_END = re.compile(rb"\{(\d+)(\+?)\}\Z")
_ATOM_END = b' ()"{\r\n'


class Atom(bytes):
    """An argument that was neither quoted nor a literal: a number, a flag, NIL, ``BODY[...]``."""


Argument = bytes | list["Argument"]


class BadCommand(ValueError):
    """The client's command cannot be understood; the message goes into the BAD reply."""


def parse(text: bytes) -> list[Argument]:
    """Return the arguments in ``text``: the command behind its name, literals with their ``{n}`` in place.

    Raises:
        BadCommand: it is not IMAP.
    """
    arguments, position = _list(text, 0, closing=False)
    if position < len(text):
        raise BadCommand("Could not parse command")
    return arguments


def word(argument: Argument) -> str:
    """Return a string argument as text.

    Raises:
        BadCommand: it is a list.
    """
    if isinstance(argument, list):
        raise BadCommand("Could not parse command")
    return argument.decode("utf-8", "replace")


def words(argument: Argument) -> list[str]:
    """Return the texts of a list argument, or the one text of a string argument."""
    return [word(item) for item in argument] if isinstance(argument, list) else [word(argument)]


def _list(text: bytes, position: int, *, closing: bool) -> tuple[list[Argument], int]:
    """Return the arguments from ``position`` to the end (or the closing parenthesis) and the position behind."""
    items: list[Argument] = []
    while position < len(text):
        byte = text[position : position + 1]
        if byte == b" ":
            position += 1
        elif byte == b")" and closing:
            return items, position + 1
        elif byte == b"(":
            inner, position = _list(text, position + 1, closing=True)
            items.append(inner)
        else:
            item, position = _string(text, position)
            items.append(item)
    if closing:
        raise BadCommand("Missing closing parenthesis")
    return items, position


def _string(text: bytes, position: int) -> tuple[bytes, int]:
    if text[position : position + 1] == b'"':
        return _quoted(text, position + 1)
    literal = LITERAL.match(text, position)
    if literal:
        end = literal.end() + int(literal[1])
        return text[literal.end() : end], end
    return _atom(text, position)


def _quoted(text: bytes, position: int) -> tuple[bytes, int]:
    value = bytearray()
    while position < len(text):
        byte = text[position]
        if byte == 0x22:
            return bytes(value), position + 1
        if byte == 0x5C:  # a backslash takes the next character as it is (RFC 3501 9, quoted-specials)
            position += 1
        value += text[position : position + 1]
        position += 1
    raise BadCommand("Missing closing quote")


def _atom(text: bytes, position: int) -> tuple[Atom, int]:
    """Read an atom; what stands in brackets belongs to it, spaces, quotes and parentheses too (``BODY[HEADER.FIELDS (To)]``)."""
    start, brackets = position, 0
    while position < len(text) and (brackets or text[position] not in _ATOM_END):
        brackets += {0x5B: 1, 0x5D: -1}.get(text[position], 0)
        brackets = max(0, brackets)
        position += 1
    if position == start or brackets:
        raise BadCommand("Could not parse command")
    return Atom(text[start:position]), position
