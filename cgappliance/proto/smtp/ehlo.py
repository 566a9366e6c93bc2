"""The keywords of EHLO: what an upstream's answer holds, and what of it a client may be told. Imports the standard library only.

Its rule: the client is told what the upstream can do, as after login it talks to the upstream, except for what only makes sense
before login or between servers. Nothing is ever added but our AUTH line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Gmail's answer of June 2025 without its AUTH line: what clients are told until the first upstream has been asked.
GMAIL_KEYWORDS = ("SIZE 35882577", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8")

#: Not passed on. STARTTLS: TLS is there already. AUTH: ours replaces it. The others let a proxy or a client speak of itself
#: before login, which ends here.
_NOT_PASSED = frozenset({"STARTTLS", "AUTH", "XCLIENT", "XFORWARD", "CLIENTID"})

#: RFC 5321 section 4.1.1.1, ehlo-line: a keyword and parameters, printable ASCII. Anything else is not a keyword.
_EHLO_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?: [\x21-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class Ehlo:
    """An upstream's answer to EHLO."""

    keywords: tuple[str, ...]  #: with parameters, in the upstream's order, AUTH left out
    mechanisms: frozenset[str]  #: upper case


def parse_ehlo(texts: Iterable[bytes]) -> Ehlo:
    """Return what the lines behind the first of a 250 reply say, codes taken off; lines that are no keywords are left out."""
    keywords: list[str] = []
    mechanisms: set[str] = set()
    for text in texts:
        line = text.decode("ascii", "replace").rstrip(" ")
        if not _EHLO_LINE.fullmatch(line):
            continue
        keyword, *parameters = line.split(" ")
        if keyword.upper() == "AUTH":
            mechanisms.update(parameter.upper() for parameter in parameters)
        else:
            keywords.append(line)
    return Ehlo(tuple(keywords), frozenset(mechanisms))


def offered(keywords: Iterable[str]) -> tuple[str, ...]:
    """Return those of an upstream's keywords that a client is told."""
    return tuple(line for line in keywords if _EHLO_LINE.fullmatch(line) and line.split(" ")[0].upper() not in _NOT_PASSED)
