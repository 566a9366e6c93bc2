import json
import pathlib
from datetime import date

import pytest

from cgappliance.cli.common import print_json, print_table
from cgappliance.secret import Secret


def test_table_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]):
    print_table(("ID", "NAME"), [("acme", "ACME"), ("b", "Beta Inc.")])
    assert capsys.readouterr().out == "ID    NAME\nacme  ACME\nb     Beta Inc.\n"


def test_japanese_characters_take_two_columns(capsys: pytest.CaptureFixture[str]):
    print_table(("NAME", "ID"), [("日本", "x"), ("abcd", "y")])
    assert capsys.readouterr().out == "NAME  ID\n日本  x\nabcd  y\n"


def test_empty_table_is_its_header(capsys: pytest.CaptureFixture[str]):
    print_table(("ID", "NAME"), [])
    assert capsys.readouterr().out == "ID  NAME\n"


def test_json_masks_secrets_and_writes_other_values_as_text(capsys: pytest.CaptureFixture[str]):
    print_json({"password": Secret("hunter2"), "day": date(2026, 4, 1), "path": pathlib.Path("/etc"), "name": "日本"})
    output = capsys.readouterr().out
    assert json.loads(output) == {"password": "****", "day": "2026-04-01", "path": "/etc", "name": "日本"}
    assert "日本" in output
