from pathlib import Path

import pytest

from cgappliance.config.problem import Severity
from cgappliance.config.reader import Reader, top_level_keys
from cgappliance.config.schema import Table
from cgappliance.config.setting import Setting, SettingType

from .kit import read_text, told

LISTEN = Table(
    "listen",
    "Help.",
    (
        Setting("hostname", SettingType.STRING, "Name that clients connect to."),
        Setting("port", SettingType.INTEGER, "IMAP's port.", default=993),
    ),
)
TOP = Table("", "Help.", (Setting("seats", SettingType.INTEGER, "Seats.", default=None),))


def read(folder: Path, text: str) -> tuple[dict[str, object], list[str]]:
    reader = read_text(folder, text)
    reader.refuse_unknown((), top_level_keys((TOP, LISTEN)), (TOP, LISTEN))
    reader.refuse_unknown(("listen",), LISTEN.names(), (TOP, LISTEN))
    return reader.values(("listen",), LISTEN.settings), told(reader.problems)


def test_values_and_defaults_are_returned(tmp_path: Path):
    assert read(tmp_path, '[listen]\nhostname = "a"\n') == ({"hostname": "a", "port": 993}, [])


def test_missing_key_is_told_at_its_tables_header(tmp_path: Path):
    assert read(tmp_path, "seats = 1\n\n[listen]\nport = 1\n") == (
        {"port": 1},
        ["some.toml:3: listen.hostname: is missing (add it: name that clients connect to)"],
    )


def test_missing_table_means_its_required_keys_are_missing(tmp_path: Path):
    assert read(tmp_path, "seats = 1\n")[1] == ["some.toml:1: listen.hostname: is missing (add it: name that clients connect to)"]


def test_wrong_value_is_told_and_left_out(tmp_path: Path):
    values, problems = read(tmp_path, '[listen]\nhostname = "a"\nport = "993"\n')
    assert values == {"hostname": "a"}
    assert problems == ["some.toml:3: listen.port: must be an integer, not a string (write a whole number without quotes)"]


def test_one_wrong_key_does_not_hide_a_missing_one(tmp_path: Path):
    assert len(read(tmp_path, '[listen]\nport = "993"\n')[1]) == 2


def test_unknown_key_is_told_with_the_nearest_name(tmp_path: Path):
    assert read(tmp_path, '[listen]\nhostname = "a"\nprot = 1\n')[1] == [
        "some.toml:3: listen.prot: unknown key 'prot' (did you mean 'port'?)"
    ]


def test_unknown_table_is_told_with_the_nearest_name(tmp_path: Path):
    assert (
        "some.toml:3: lisen: unknown table 'lisen' (did you mean 'listen'?)"
        in read(tmp_path, '[listen]\nhostname = "a"\n[lisen]\nport = 1\n')[1]
    )


def test_key_in_the_wrong_table_is_told_where_it_belongs(tmp_path: Path):
    text = 'hostname = "b"\n[listen]\nhostname = "a"\nseats = 1\n'
    assert read(tmp_path, text)[1] == [
        "some.toml:1: hostname: unknown key 'hostname' ('hostname' belongs in [listen])",
        "some.toml:4: listen.seats: unknown key 'seats' ('seats' belongs at the top of the file, above the first [table])",
    ]


@pytest.mark.parametrize("text", ['[listen]\nhostnam = "a"\n', 'hostname = "a"\n[listen]\nport = 1\n', "[lisen]\nport = 1\n"])
def test_key_that_is_misspelt_or_misplaced_is_not_called_missing_too(tmp_path: Path, text: str):
    (problem,) = read(tmp_path, text)[1]
    assert "unknown" in problem


def test_key_unlike_any_other_is_told_what_is_known(tmp_path: Path):
    assert read(tmp_path, '[listen]\nhostname = "a"\nxyz = 1\n')[1] == [
        "some.toml:3: listen.xyz: unknown key 'xyz' (remove it; known here: hostname, port)"
    ]


def test_value_where_a_table_should_be_is_told_once_and_alone(tmp_path: Path):
    assert read(tmp_path, "listen = 10993\n")[1] == [
        "some.toml:1: listen: must be a table, not an integer (write [listen] with its keys below)"
    ]


def test_keys_in_lines_that_cannot_be_read_are_not_called_missing(tmp_path: Path):
    assert read(tmp_path, "[listen]\nhostname = a\nprot = 1\n")[1] == [
        "some.toml:2: invalid value at column 12 (texts stand in quotes, numbers, dates, true and false without; "
        "or something above is not closed)",
        "some.toml:3: listen.prot: unknown key 'prot' (did you mean 'port'?)",
    ]


def test_only_errors_make_a_file_fail(tmp_path: Path):
    reader = read_text(tmp_path, "seats = 1\n")
    reader.note(("seats",), "is odd", "", Severity.WARNING)
    assert not reader.failed
    assert not reader.faulty(("seats",))
    reader.note(("seats",), "is wrong", "")
    assert reader.failed
    assert reader.faulty(("seats",))


def test_table_is_faulty_when_something_inside_is(tmp_path: Path):
    reader: Reader = read_text(tmp_path, "")
    reader.note(("auth", "servers", 0), "is wrong", "")
    assert reader.faulty(("auth",))
    assert reader.faulty(("auth", "servers"))
    assert not reader.faulty(("auth", "servers", 0, "x"))
    assert not reader.faulty(("google",))


def test_table_inside_a_value_is_no_table(tmp_path: Path):
    reader = read_text(tmp_path, "profiles = 3\n")
    assert reader.raw_table(("profiles", "office")) == {}
