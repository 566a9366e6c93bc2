"""The benchmark's last results: the Markdown that ``script/bench`` writes, as it is kept in ``benchmarks/results.md``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cgdocs.text import heading, prose, table

RESULTS: Final = Path(__file__).parents[3] / "benchmarks" / "results.md"


def measured() -> str:
    """Return the results: their sections, sentences and tables; the title stays behind, for the page has its own."""
    groups = itertools.groupby(RESULTS.read_text(encoding="utf-8").splitlines()[1:], _is_row)
    return "\n".join(_table(list(lines)) if is_table else "\n".join(map(_paragraph, lines)) for is_table, lines in groups)


def _is_row(line: str) -> bool:
    return line.startswith("|")


def _table(lines: Sequence[str]) -> str:
    header, _, *rows = (_cells(line) for line in lines)
    return table(header, rows)


def _cells(line: str) -> list[str]:
    return [prose(cell.strip()) for cell in line.strip("|").split("|")]


def _paragraph(line: str) -> str:
    return heading(line.removeprefix("## "), 0) if line.startswith("## ") else _sentence(line)


def _sentence(line: str) -> str:
    """Return a line in which stars may mark what is strong."""
    words: Iterable[str] = line.split("**")
    return "**".join(map(prose, words))
