"""Figures and tables as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.harness.results import Summary

NO_FIGURE = "-"


def cell(summary: Summary | None, digits: int) -> str:
    """Return one figure as text."""
    if summary is None:
        return NO_FIGURE
    text = f"{summary.median:.{digits}f}"
    if summary.runs > 1:
        text += f" ({summary.minimum:.{digits}f}-{summary.maximum:.{digits}f})"
    return text + (" !" if summary.all_disturbed else "")


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
