from __future__ import annotations

import csv
import io

import pytest

from cgappliance.admin.spreadsheet import BOM, csv_chunks, neutral, original

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]


@pytest.mark.parametrize("cell", EVIL)
def test_what_a_spreadsheet_would_run_is_made_text_and_comes_back(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert original(neutral(cell)) == cell


@pytest.mark.parametrize("cell", ["", "yuki@acme.example", "it's", "'quoted'", "1-2", "メール", 'say "x"'])
def test_ordinary_cells_stay_as_they_are(cell: str) -> None:
    assert neutral(cell) == cell
    assert original(cell) == cell


def test_a_table_comes_back_from_a_csv_reader() -> None:
    rows = [["a", "b,c", None], ['say "x"', "two\r\nlines", 7]]
    text = "".join(csv_chunks(("x", "y", "z"), rows))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["x", "y", "z"],
        ["a", "b,c", ""],
        ['say "x"', "two\r\nlines", "7"],
    ]


def test_a_byte_order_mark_comes_first_when_asked_for() -> None:
    assert "".join(csv_chunks(("x",), [], bom=True)) == f"{BOM}x\r\n"
    assert "".join(csv_chunks(("x",), [])) == "x\r\n"


def test_a_long_table_is_given_piece_by_piece() -> None:
    taken = 0

    def rows() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield [taken]

    next(csv_chunks(("x",), rows()))
    assert taken < 200
