"""On which line of a TOML document each key stands; ``tomllib`` gives values without places.

Pure. The rule of this file: it is only asked about text that ``tomllib`` has accepted, so it need not recognise mistakes, only
walk: headers, keys, and over values. No maintained library gives positions beside tomllib's values; tests hold the walk against
tomllib on random documents.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from cgappliance.config.problem import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")  # between statements and inside arrays
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'  # up to two quotes may stand right before the closing three
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")  # numbers, booleans, dates, which may hold a space


def locate(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of each key, table and list item of a document that ``tomllib`` accepts.

    A table that is opened in several places has the line of the first.
    """
    return _Walk(text).lines()


class _Walk:
    """One pass over one document."""

    def __init__(self, text: str) -> None:
        # tomllib reads CRLF as LF; the count of lines stays the same
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._counted_to = 0
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}  # tables so far of each [[array of tables]]

    def lines(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:  # cannot be in an accepted document
            raise ValueError(f"no {pattern.pattern!r} at offset {self._at}")
        self._at = match.end()
        return match.group()

    def _note(self, path: KeyPath, offset: int) -> None:
        """Record the line of ``offset`` for the path and, where they have none yet, for the tables around it."""
        self._line += self._text.count("\n", self._counted_to, offset)
        self._counted_to = offset
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], self._line)

    def _header(self) -> KeyPath:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        names = self._dotted_key()
        self._at += brackets
        path = (*self._resolve(names[:-1]), names[-1])
        if brackets == 2:
            self._counts[path] = self._counts.get(path, 0) + 1
        if path in self._counts:
            path += (self._counts[path] - 1,)
        self._note(path, start)
        return path

    def _resolve(self, names: tuple[str, ...]) -> KeyPath:
        """Return the path of a table from its header's names: through an array of tables it goes into the last one."""
        path: KeyPath = ()
        for name in names:
            path += (name,)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = table + self._dotted_key()
        self._note(path, start)
        self._at += 1  # "="
        self._skip(_SPACE)
        self._value(path)

    def _dotted_key(self) -> tuple[str, ...]:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            names.append(self._simple_key())
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return tuple(names)
            self._at += 1

    def _simple_key(self) -> str:
        if self._text[self._at] in "\"'":
            quoted = self._skip(_STRING)
            return str(tomllib.loads(f"key = {quoted}")["key"])
        return self._skip(_BARE_KEY)

    def _value(self, path: KeyPath) -> None:
        first = self._text[self._at]
        if first == "[":
            for index in self._items("]"):
                self._note((*path, index), self._at)
                self._value((*path, index))
        elif first == "{":
            for _ in self._items("}"):
                self._pair(path)
        else:
            self._skip(_STRING if first in "\"'" else _SCALAR)

    def _items(self, close: str) -> Iterator[int]:
        """Stop before each item between brackets, for the caller to walk over it; leave the closing bracket behind."""
        self._at += 1
        index = 0
        self._skip(_BLANK)
        while self._text[self._at] != close:
            yield index
            index += 1
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of ``path``, else of the innermost table around it that has one, else 1."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1
