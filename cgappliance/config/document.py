"""One configuration file, read: its values, the line of each, and what is wrong with it as TOML.

Reading never raises: a file that cannot be used is a document with problems, so that the other files' mistakes are found too.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgappliance.config.locate import locate, nearest_line
from cgappliance.config.problem import KeyPath, Problem
from cgappliance.config.stamp import Stamp, digest_of

#: A tenant file with 4096 networks has 150 KB; a file that is larger than this is no configuration file.
MAX_FILE_BYTES = 1024 * 1024

#: How many broken lines of one file are told at once; a file with more is most likely no TOML at all.
MAX_SYNTAX_ERRORS = 10

_PLACE = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

#: What to do about a message of tomllib, by its beginning.
_REMEDIES = (
    ("Illegal character '\\n'", "close the quotation mark on this line"),
    ("Invalid value", "texts stand in quotes, numbers, dates, true and false without; or something above is not closed"),
    ("Expected '=' after a key", "write key = value"),
    ("Cannot overwrite a value", "the key stands twice: remove one of the two"),
    ("Cannot declare", "the table stands twice: put its keys under one header"),
    ("Unclosed array", "add the missing ]"),
    ("Unclosed inline table", "add the missing }"),
    ("Expected newline or end of document", "one key a line; a text with quotes in it may stand in '...'"),
    ("Unescaped '\\'", "write \\\\ for a backslash, or put the text in '...'"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file as TOML sees it."""

    path: Path  #: as the operator named it
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...] = ()
    complete: bool = True  #: False: some lines could not be read, so that a missing key may stand in one of them
    content: bytes = b""
    modified_ns: int = 0
    stamp: Stamp | None = None  #: None: it could not be read

    @property
    def folder(self) -> Path:
        """Where relative paths in the file start, absolute."""
        return self.path.absolute().parent

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, else of the table that it should stand in, else 1."""
        return nearest_line(self.lines, path)

    def outline(self, tables: Container[str | int]) -> Document:
        """Return the document without what has been read from it; lines are still known of these top-level keys and tables."""
        lines = {path: line for path, line in self.lines.items() if path[0] in tables}
        return replace(self, data={}, lines=lines, problems=(), content=b"")


def read_document(path: Path) -> Document:
    """Read and parse ``path``. Blocks on the file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return _unreadable(path, "is not a regular file", "remove it, or put a file in its place")
        if status.st_size > MAX_FILE_BYTES:
            return _unreadable(path, f"is larger than {MAX_FILE_BYTES} bytes", "is it a configuration file?")
        stamp = Stamp.of(path, status)
        content = path.read_bytes()
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}", "the service must be able to read it")
    return _parse(path, content, status.st_mtime_ns, replace(stamp, digest=digest_of(content)))


def _unreadable(path: Path, problem: str, remedy: str) -> Document:
    return Document(path, {}, {}, (Problem(str(path), 0, "", problem, remedy),), complete=False)


def _parse(path: Path, content: bytes, modified_ns: int, stamp: Stamp) -> Document:
    text, problems = _decode(path, content)
    data, lines, errors = _values(text)
    problems += [_problem(path, error) for error in errors]
    return Document(path, data, lines, tuple(problems), not errors, content, modified_ns, stamp)


def _decode(path: Path, content: bytes) -> tuple[str, list[Problem]]:
    """Return the text, what is no UTF-8 replaced: most often that is a comment, and the keys can still be checked."""
    problems = []
    if content.startswith(_BYTE_ORDER_MARK):
        content = content.removeprefix(_BYTE_ORDER_MARK)
        problems.append(Problem(str(path), 1, "", "starts with a byte order mark", "save the file as UTF-8 without it"))
    try:
        return content.decode(), problems
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8"
        problems.append(Problem(str(path), line, "", problem, "save the file as UTF-8"))
        return content.decode(errors="replace"), problems


def _values(text: str) -> tuple[dict[str, Any], dict[KeyPath, int], list[_SyntaxError]]:
    """Return the values, their lines, and the syntax errors.

    A line that cannot be read is blanked and the rest parsed again, so that one lost quotation mark does not hide the other
    mistakes. Where the error may come from another line (a table header, a bracket left open), going on would invent mistakes:
    then the values are none.
    """
    rows = text.split("\n")
    errors: list[_SyntaxError] = []
    while True:
        text = "\n".join(rows)
        try:
            return tomllib.loads(text), locate(text), errors
        except tomllib.TOMLDecodeError as error:
            errors.append(_syntax_error(str(error), len(rows)))
        except RecursionError:
            errors.append(_SyntaxError(1, 0, "brackets are nested too deeply"))
        row = rows[errors[-1].line - 1]
        if len(errors) == MAX_SYNTAX_ERRORS or not _stands_alone(row, errors[-1]):
            return {}, {}, errors
        rows[errors[-1].line - 1] = ""


@dataclass(frozen=True, slots=True)
class _SyntaxError:
    line: int
    column: int  # from 1; 0: not known
    message: str  # as tomllib says it, without the place


def _syntax_error(text: str, last_line: int) -> _SyntaxError:
    match = _PLACE.search(text)
    if match is None or match[1] is None:
        return _SyntaxError(last_line, 0, text[: match.start()] if match else text)
    return _SyntaxError(int(match[1]), int(match[2]), text[: match.start()])


def _stands_alone(row: str, error: _SyntaxError) -> bool:
    """Tell whether the error is a mistake of its own line, on which no other line depends.

    It is when the parser was at a statement: it took the line's ``key =`` for what it is, or missed it there. In a list left
    open above it would have stumbled over the key. And nothing that could go on below may begin on the line.
    """
    at_statement = error.message.startswith(_AT_STATEMENT) or 0 < row.find("=") + 1 < error.column
    return at_statement and '"""' not in row and "'''" not in row and bool(_CLOSED.fullmatch(row))


#: Messages of tomllib that only come where a statement may begin.
_AT_STATEMENT = ("Expected '=' after a key", "Invalid statement", "Invalid initial character for a key part")

#: A line without brackets, or with one pair around the whole value.
_CLOSED = re.compile(r"[^\[\]{}]*|[^\[\]{}=]*=\s*\[[^\[\]{}]*\]\s*(#.*)?")


def _problem(path: Path, error: _SyntaxError) -> Problem:
    message = error.message[:1].lower() + error.message[1:] + (f" at column {error.column}" if error.column else "")
    remedy = next((remedy for start, remedy in _REMEDIES if error.message.startswith(start)), "see https://toml.io for the syntax")
    return Problem(str(path), error.line, "", message, remedy)
