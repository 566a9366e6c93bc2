"""Pieces of reStructuredText, and the ``#:`` comments of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import rst

UNDERLINES = '=-~^"'

_CODE = re.compile(r"(``?)([^`]+)\1")


def prose(text: str) -> str:
    """Return a text of the code, where backquotes mark code and nothing else is markup."""
    pieces = _CODE.split(text)  # text, quotes, code, text, quotes, code, text ...
    shown = [rst.escape(piece) if at % 3 == 0 else f"``{piece}``" if at % 3 == 2 else "" for at, piece in enumerate(pieces)]
    return "".join(shown)


def heading(text: str, level: int) -> str:
    """Return a section heading; level 0 is right below the section in which the directive stands."""
    return f"\n{text}\n{UNDERLINES[level] * (len(text) * 2)}\n"


def indented(text: str, width: int = 3) -> str:
    """Return the lines moved to the right."""
    return "\n".join(" " * width + line if line else "" for line in text.splitlines())


def table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: str = "auto") -> str:
    """Return a list-table."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (header, *rows):
        lines += [f"   {'* -' if at == 0 else '  -'} {cell}" for at, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def comments(module: str) -> dict[tuple[str, str], str]:
    """Return the ``#:`` comments of a module in its order, by (class, name); what stands at its top has "" for a class."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    found = sorted(analyzer.attr_docs.items(), key=lambda item: analyzer.tagorder.get(".".join(filter(None, item[0])), 0))
    return {key: " ".join(line.strip() for line in lines).strip() for key, lines in found}


def number(value: float) -> str:
    """Return a number without a needless point."""
    return str(int(value)) if float(value).is_integer() else str(value)
