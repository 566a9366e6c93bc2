"""What a client says of itself in ID (RFC 2971): a name for the history, out of text that nobody has checked.

It may import ``grammar``, ``limits`` and ``text``.
"""

from __future__ import annotations

from collections.abc import Sequence

from cgappliance.proto.imap.grammar import Token, TokenKind
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.text import CLIENT_ID_CHARACTERS, printable


class BadIdentity(Exception):
    """The arguments are not those of ID, or exceed its limits."""


def client_identity(arguments: Sequence[Token], limits: PreLoginLimits) -> str:
    """Return ``name version``, printable and bounded; "" when the client says neither.

    Args:
        arguments: the words behind ID: NIL, or a list of fields and values, where a value may be NIL.
        limits: RFC 2971 section 3.3 bounds the number of pairs and the length of each part.

    Raises:
        BadIdentity: they are something else.
    """
    if len(arguments) == 1 and arguments[0].is_nil:
        return ""
    if len(arguments) < 2 or arguments[0].kind is not TokenKind.OPEN or arguments[-1].kind is not TokenKind.CLOSE:
        raise BadIdentity
    fields, values = arguments[1:-1:2], arguments[2:-1:2]
    if len(fields) != len(values) or len(fields) > limits.imap_id_pairs:
        raise BadIdentity
    told: dict[bytes, Token] = {}
    for name, value in zip(fields, values, strict=True):
        _check(name, limits.imap_id_field)
        _check(value, limits.imap_id_value)
        told.setdefault(name.value.lower(), value)
    parts = [told[key].value for key in (b"name", b"version") if key in told and not told[key].is_nil]
    return printable(b" ".join(filter(None, parts)), CLIENT_ID_CHARACTERS)


def _check(word: Token, limit_bytes: int) -> None:
    if not word.is_astring or len(word.value) > limit_bytes:
        raise BadIdentity
