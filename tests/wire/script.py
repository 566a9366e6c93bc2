r"""Reads a transcript file into steps. Knows its notation and nothing of protocols.

One step a line::

    # a comment; empty lines are skipped
    S: text            the server's line, CRLF implied
    C: text            the client's line, CRLF implied
    C+ text            the client's bytes, no CRLF (S+ in transcripts of a back)
    ! verb argument    a directive: runner.py lists them for fronts and backs
    ! option key value handed to the factory of the front or back, wherever it stands
    ! unjoined why     this transcript is not played with its bytes joined

Text is UTF-8. ``\r \n \t \0 \\ \xNN`` are escapes (``\x20`` saves a space at the end of a line). ``{300*ab}`` repeats,
``{b64:text}`` is the base64 of text (a repetition or escapes may stand inside), ``{*}`` in an expected line matches anything.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
PLAIN_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
REPEAT = re.compile(rb"\{(\d+)\*([^{}]*)\}")
BASE64 = re.compile(rb"\{b64:([^{}]*)\}")
ANYTHING = b"{*}"


class Malformed(Exception):
    """The transcript itself is wrong; the message is ``file:line: problem``."""


@dataclass(frozen=True)
class Step:
    """One line of a transcript."""

    line: int
    kind: str  # "S", "C" or "!"
    text: bytes  # of S and C: expanded, with its CRLF where it has one
    verb: str = ""  # of a directive
    argument: str = ""  # of a directive: expanded


@dataclass
class Script:
    """One transcript."""

    path: Path
    steps: list[Step] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    joinable: bool = True


def expand(text: str) -> bytes:
    """Return the bytes that a text of the notation stands for."""
    raw = text.encode()
    raw = REPEAT.sub(lambda found: found[2] * int(found[1]), raw)
    raw = BASE64.sub(lambda found: base64.b64encode(unescape(found[1])), raw)
    return unescape(raw)


def unescape(raw: bytes) -> bytes:
    """Return the bytes with escapes replaced.

    Raises:
        ValueError: an unknown escape.
    """

    def one(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes.fromhex(found[1].decode())
        if found[2] not in PLAIN_ESCAPES:
            raise ValueError(f"unknown escape {found[0].decode()!r} (use \\r \\n \\t \\0 \\\\ or \\xNN)")
        return PLAIN_ESCAPES[found[2]]

    return ESCAPE.sub(one, raw)


def matches(expected: bytes, got: bytes) -> bool:
    """Return whether ``got`` is ``expected``, where ``{*}`` stands for anything."""
    pattern = b".*".join(re.escape(part) for part in expected.split(ANYTHING))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def parse(path: Path) -> Script:
    """Return the transcript in a file.

    Raises:
        Malformed: a line is not of the notation.
    """
    script = Script(path)
    # not splitlines(): it would also split at the control characters and Unicode separators that a transcript may hold
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            add(script, number, line)
        except ValueError as error:
            raise Malformed(f"{path}:{number}: {error}") from error
    return script


def add(script: Script, number: int, line: str) -> None:
    """Add one line to the script.

    Raises:
        ValueError: it is not of the notation.
    """
    mark, text = line[:2], line[3:]
    if len(line) > 2 and line[2] != " " and mark != "! ":
        raise ValueError(f"no space behind {mark!r}")
    if mark in {"S:", "C:"}:
        script.steps.append(Step(number, mark[0], expand(text) + b"\r\n"))
    elif mark in {"S+", "C+"}:
        script.steps.append(Step(number, mark[0], expand(text)))
    elif mark == "! ":
        add_directive(script, number, line[2:])
    else:
        raise ValueError(f"a line starts with 'S: ', 'C: ', 'S+ ', 'C+ ', '! ' or '#', not with {mark!r}")


def add_directive(script: Script, number: int, text: str) -> None:
    """Add a directive; those that concern the whole transcript change the script instead."""
    verb, _, argument = text.partition(" ")
    if verb == "option":
        key, _, value = argument.partition(" ")
        script.options[key] = value
    elif verb == "unjoined":
        if not argument:
            raise ValueError("'! unjoined' needs a reason")
        script.joinable = False
    else:
        script.steps.append(Step(number, "!", b"", verb, expand(argument).decode("utf-8", "surrogateescape")))
