"""What a peer said, made fit for a log line, a history row or a terminal. It may import ``secret`` and the standard library.

Its one rule: text of a peer leaves the protocol machines through here, so that it is bounded, printable and free of our secrets.
"""

from __future__ import annotations

from collections.abc import Iterable

from cgappliance.secret import MASK

#: Enough for a name with version, or for a sentence with a URL; a history column holds it.
CLIENT_ID_CHARACTERS = 200
REPLY_CHARACTERS = 300

#: A shorter start of a secret gives nothing away, and would hit ordinary words.
_TELLING_CHARACTERS = 8


def printable(data: bytes | str, limit: int) -> str:
    """Return ``data`` decoded, with every unprintable character replaced by U+FFFD, on one line, at most ``limit`` characters."""
    text = (data.decode("utf-8", "replace") if isinstance(data, bytes) else data)[:limit]
    if text.isprintable():  # nearly always, and five times a login
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def said(data: bytes, secrets: Iterable[str] = (), limit: int = REPLY_CHARACTERS) -> str:
    """Return an upstream's words for the log, with our secrets masked even where it repeats only the start of one.

    Args:
        data: one line or several; the caller has bounded it.
        secrets: every form in which the credential went over the wire (the token itself, its base64 initial response).
        limit: characters to keep.
    """
    text = printable(data, len(data)).strip()
    for secret in secrets:
        text = _mask(text, secret)
    return text[:limit]


def _mask(text: str, secret: str) -> str:
    """Return ``text`` with each occurrence of ``secret``, or of a telling start of it, masked."""
    start = secret[:_TELLING_CHARACTERS]
    if not start:
        return text
    pieces = text.split(start)
    masked = [pieces[0]]
    for piece in pieces[1:]:
        rest = secret[len(start) :]
        repeated = next((i for i, (a, b) in enumerate(zip(piece, rest, strict=False)) if a != b), min(len(piece), len(rest)))
        masked.append(MASK + piece[repeated:])
    return "".join(masked)
