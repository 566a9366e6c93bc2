"""What is wrong in a configuration file, where, and what to do about it."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

KeyPath = tuple[str | int, ...]  #: ("auth", "servers", 0): names and list indexes from the top of the document


class Severity(enum.StrEnum):
    """How much a problem costs."""

    ERROR = "error"  #: the file is not used
    WARNING = "warning"  #: the file is used; the operator should look


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. ``str()`` is the line that an operator reads."""

    file: str  #: as the operator named it
    line: int  #: from 1; 0: the file as a whole
    key: str  #: ``auth.servers[0]``; "": not about a key
    problem: str  #: lower case, no full stop
    remedy: str
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """True when the file cannot be used."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f"{self.key}: " if self.key else ""
        warning = "warning: " if self.severity is Severity.WARNING else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}: {warning}{key}{self.problem}{remedy}"


class Unfit(ValueError):
    """A value cannot be what its setting wants; the caller knows file, line and key."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} ({remedy})")
        self.problem = problem
        self.remedy = remedy


def sort_key(problem: Problem) -> tuple[str, int, str]:
    """Order problems as one reads files: by file, line and key."""
    return problem.file, problem.line, problem.key


def render_key(path: Sequence[str | int]) -> str:
    """Return ``auth.servers[0]`` for ("auth", "servers", 0), with quotes around names that need them in TOML."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def split_remedy(text: str) -> tuple[str, str]:
    """Split a check's "problem (remedy)" at the parenthesis that the text's last one closes.

    A text without a remedy is all problem: a check that forgets it costs the operator the hint, not the message.
    """
    if not text.endswith(")"):
        return text, ""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[position], 0)
        if depth == 0:
            return text[:position].rstrip(), text[position + 1 : -1]
    return text, ""
