from datetime import date, datetime, time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from cgappliance.config.convert import MAX_ITEMS, convert, nearest, type_name
from cgappliance.config.files import NamedFiles
from cgappliance.config.problem import KeyPath, Unfit
from cgappliance.config.setting import Setting, SettingType
from cgappliance.model import HostPort
from cgappliance.secret import Secret

from .kit import write_private


def run(setting_type: SettingType, raw: Any, folder: Path = Path("/nonexistent"), **declared: Any) -> tuple[Any, list[str]]:
    """Return the value, or None, and what was reported."""
    reports: list[str] = []

    def report(place: KeyPath, unfit: Unfit) -> None:
        reports.append(f"{list(place) or ''}{unfit}")

    found = convert(Setting("key", setting_type, "Help.", **declared), raw, NamedFiles(folder), report)
    assert (found is None) == bool(reports)
    return (None if found is None else found[0]), reports


@pytest.mark.parametrize(
    ("setting_type", "raw", "value"),
    [
        (SettingType.STRING, "x", "x"),
        (SettingType.INTEGER, 7, 7),
        (SettingType.FLOAT, 7, 7.0),
        (SettingType.FLOAT, -0.5, -0.5),
        (SettingType.DURATION, 7, 7.0),
        (SettingType.BOOLEAN, False, False),
        (SettingType.DATE, date(2026, 4, 1), date(2026, 4, 1)),
        (SettingType.STRINGS, ["a", "b"], ("a", "b")),
        (SettingType.STRINGS, [], ()),
        (SettingType.NETWORKS, ["192.0.2.0/24"], (ip_network("192.0.2.0/24"),)),
        (SettingType.HOST_PORT, "a.example:993", HostPort("a.example", 993)),
        (SettingType.TABLE, {"a": 1}, {"a": 1}),
    ],
)
def test_value_of_the_right_type_is_converted(setting_type: SettingType, raw: Any, value: Any):
    assert run(setting_type, raw) == (value, [])


@pytest.mark.parametrize(
    ("setting_type", "raw", "problem"),
    [
        (SettingType.STRING, 1, "must be a string, not an integer"),
        (SettingType.STRING, ["x"], "must be a string, not a list"),
        (SettingType.INTEGER, "10993", "must be an integer, not a string"),
        (SettingType.INTEGER, True, "must be an integer, not a boolean"),
        (SettingType.INTEGER, 1.0, "must be an integer, not a float"),
        (SettingType.FLOAT, True, "must be a finite number, not a boolean"),
        (SettingType.FLOAT, float("inf"), "must be a finite number, not a float"),
        (SettingType.FLOAT, float("nan"), "must be a finite number, not a float"),
        (SettingType.DURATION, 0, "must be greater than 0 s, not 0"),
        (SettingType.DURATION, -1.5, "must be greater than 0 s, not -1.5"),
        (SettingType.BOOLEAN, "true", "must be a boolean, not a string"),
        (SettingType.BOOLEAN, 1, "must be a boolean, not an integer"),
        (SettingType.DATE, "2026-04-01", "must be a date, not a string"),
        (SettingType.DATE, datetime(2026, 4, 1), "must be a date, not a date with a time"),
        (SettingType.DATE, time(4), "must be a date, not a time"),
        (SettingType.STRINGS, "a", "must be a list of strings, not a string"),
        (SettingType.NETWORKS, {"a": 1}, "must be a list of networks, not a table"),
        (SettingType.HOST_PORT, 993, "must be a string, not an integer"),
        (SettingType.TABLE, [], "must be a table, not a list"),
    ],
)
def test_value_of_another_type_is_told_with_both_types(setting_type: SettingType, raw: Any, problem: str):
    value, reports = run(setting_type, raw)
    assert value is None
    assert len(reports) == 1
    assert reports[0].startswith(f"{problem} (")


def test_files_become_paths_and_secrets(tmp_path: Path):
    write_private(tmp_path / "s", "pw\n")
    assert run(SettingType.FILE, "s", tmp_path) == (tmp_path / "s", [])
    assert run(SettingType.PRIVATE_FILE, "s", tmp_path) == (tmp_path / "s", [])
    assert run(SettingType.SECRET_FILE, "s", tmp_path) == (Secret("pw"), [])


@pytest.mark.parametrize("setting_type", [SettingType.FILE, SettingType.PRIVATE_FILE, SettingType.SECRET_FILE])
def test_missing_file_is_told(setting_type: SettingType, tmp_path: Path):
    assert "No such file" in run(setting_type, "s", tmp_path)[1][0]


def test_empty_string_is_a_value_only_where_it_is_the_default():
    assert run(SettingType.STRING, "", default="") == ("", [])
    assert run(SettingType.STRING, "")[1] == ["is empty (give a value)"]
    assert run(SettingType.STRING, " ", default="")[1] == ["is empty (give a value)"]
    assert run(SettingType.STRING, "", default=None)[1] == ["is empty (give a value, or leave out key)"]


def test_each_wrong_item_of_a_list_is_told_at_its_place():
    assert run(SettingType.STRINGS, ["a", 1, "", "b"])[1] == [
        '[1]must be a string, not an integer (put the text in quotes: "...")',
        "[2]is empty (give a value)",
    ]
    assert [text[:4] for text in run(SettingType.NETWORKS, ["x", "192.0.2.1", "y"])[1]] == ["[0]'", "[2]'"]


def test_list_longer_than_the_limit_is_refused():
    assert run(SettingType.STRINGS, ["a"] * MAX_ITEMS)[1] == []
    assert run(SettingType.STRINGS, ["a"] * (MAX_ITEMS + 1))[1] == ["has 4097 items (at most 4096)"]


def test_value_that_is_no_choice_is_told_the_nearest():
    declared = {"choices": ("imap", "pop3")}
    assert run(SettingType.STRING, "imap", **declared) == ("imap", [])
    assert run(SettingType.STRING, "imaps", **declared)[1] == ["'imaps' is not a choice (did you mean 'imap'? choices: imap, pop3)"]
    assert run(SettingType.STRING, "xyz", **declared)[1] == ["'xyz' is not a choice (choices: imap, pop3)"]
    assert run(SettingType.STRINGS, ["imap", "IMAP"], **declared)[1] == [
        "[1]'IMAP' is not a choice (did you mean 'imap'? choices: imap, pop3)"
    ]


@pytest.mark.parametrize(
    ("raw", "reports"),
    [
        (9, ["9 is out of range (at least 10 s)"]),
        (10, []),
        (20, []),
        (21, ["21 is out of range (at most 20 s)"]),
    ],
)
def test_number_is_held_to_its_bounds(raw: int, reports: list[str]):
    assert run(SettingType.INTEGER, raw, minimum=10, maximum=20, unit="s")[1] == reports


def test_bounds_of_a_list_count_its_items():
    assert run(SettingType.STRINGS, [], minimum=1, maximum=2)[1] == ["has 0 items (at least 1)"]
    assert run(SettingType.STRINGS, ["a", "b"], minimum=1, maximum=2)[1] == []
    assert run(SettingType.STRINGS, ["a", "b", "c"], minimum=1, maximum=2)[1] == ["has 3 items (at most 2)"]


def test_own_check_speaks_last():
    def odd(value: int) -> str | None:
        return None if value % 2 else f"{value} is even (take {value + 1})"

    assert run(SettingType.INTEGER, 3, check=odd) == (3, [])
    assert run(SettingType.INTEGER, 4, check=odd)[1] == ["4 is even (take 5)"]


@pytest.mark.parametrize("kind", ["check", "item_check"])
def test_own_check_that_breaks_is_told_without_its_message(kind: str):
    def broken(value: object) -> str | None:
        raise RuntimeError(f"secret {value}")

    reports = run(SettingType.STRINGS, ["hunter2"], **{kind: broken})[1]
    assert len(reports) == 1
    assert "its check failed with RuntimeError (this is a mistake of the program" in reports[0]
    assert "hunter2" not in reports[0]


def test_own_check_of_items_is_told_at_the_item():
    def short(value: str) -> str | None:
        return None if len(value) < 3 else "is long (shorten it)"

    assert run(SettingType.STRINGS, ["ab", "abc"], item_check=short)[1] == ["[1]is long (shorten it)"]


def test_secret_does_not_appear_in_what_is_reported(tmp_path: Path):
    write_private(tmp_path / "s", "hunter2")
    _, reports = run(SettingType.SECRET_FILE, "s", tmp_path, check=lambda value: f"{value} is weak (change it)")
    assert reports == ["**** is weak (change it)"]


def test_nearest_finds_slips_and_nothing_else():
    assert nearest("sevrers", ["servers", "base_dn"]) == "servers"
    assert nearest("Servers", ["servers"]) == "servers"
    assert nearest("xyz", ["servers"]) is None


def test_type_names_are_those_of_toml():
    assert [type_name(raw) for raw in (True, 1, 1.5, "x", [], {}, date.today(), datetime.now(), time())] == [
        "a boolean",
        "an integer",
        "a float",
        "a string",
        "a list",
        "a table",
        "a date",
        "a date with a time",
        "a time",
    ]
