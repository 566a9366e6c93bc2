"""Tables for spreadsheets: CSV that no spreadsheet runs as a formula, and the way back.

A cell that begins like a formula would be one in Excel, LibreOffice and Google Sheets: an attacker chooses his login name, and
waits for the administrator to open the export. Such a cell gets an apostrophe in front: "this is text".
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

BOM: Final = "\ufeff"  #: Excel takes a CSV file without it for Shift JIS or Windows-1252

#: What begins a formula, or lets one begin after a cell that was split; Japanese input methods type the full-width ones.
_TRIGGERS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LINES_A_CHUNK: Final = 100


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = False) -> Iterator[str]:
    """Yield the table as CSV (RFC 4180), some lines at a time: memory does not grow with it.

    Args:
        header: the first line.
        rows: cells; None is an empty one.
        bom: begin with a byte order mark, for Excel.
    """
    if bom:
        yield BOM
    lines = itertools.chain([header], rows)
    while chunk := list(itertools.islice(lines, _LINES_A_CHUNK)):
        text = io.StringIO()
        csv.writer(text).writerows([[neutral(cell) for cell in line] for line in chunk])
        yield text.getvalue()


def neutral(cell: object) -> str:
    """Return the text of a cell, with an apostrophe in front where a spreadsheet would run it."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_TRIGGERS) else text


def original(cell: str) -> str:
    """Return what ``neutral`` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_TRIGGERS) else cell
