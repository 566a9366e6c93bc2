import json
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cgappliance.cli import main

YUKI = "yuki@acme.example"


def run(*words: str | Path, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["local", *map(str, words)], input=typed)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people"
    assert run("passwd", path, YUKI, "--stdin", typed="first\n").exit_code == 0
    return path


def test_passwd_makes_the_file_and_says_so(tmp_path: Path) -> None:
    done = run("passwd", tmp_path / "people", YUKI, "--stdin", typed="first\n")
    assert (done.exit_code, done.output) == (0, f"{YUKI}: password set\n")
    assert (tmp_path / "people").read_text().startswith(f"{YUKI}   $argon2id$")
    assert stat.S_IMODE((tmp_path / "people").stat().st_mode) == 0o640


def test_passwd_asks_twice_and_shows_nothing(tmp_path: Path) -> None:
    done = run("passwd", tmp_path / "people", YUKI, typed="hidden-5ecret\nhidden-5ecret\n")
    assert done.exit_code == 0
    assert "hidden-5ecret" not in done.output
    assert run("passwd", tmp_path / "other", YUKI, typed="one\ntwo\n").exit_code == 1
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("typed", "words"), [("\n", "the password is empty"), ("x" * 1025 + "\n", "longer than 1024 characters")])
def test_passwd_says_what_is_wrong(tmp_path: Path, typed: str, words: str) -> None:
    done = run("passwd", tmp_path / "people", YUKI, "--stdin", typed=typed)
    assert done.exit_code == 1
    assert words in done.output
    assert not (tmp_path / "people").exists()


def test_list_shows_everybody(file: Path) -> None:
    run("passwd", file, "ken@acme.example", "--stdin", typed="pw\n")
    run("disable", file, "ken@acme.example")
    rows = [line.split() for line in run("list", file).output.splitlines()]
    assert rows == [["ADDRESS", "STATE"], [YUKI, "enabled"], ["ken@acme.example", "disabled"]]
    assert json.loads(run("list", file, "--json").output)[1] == {"address": "ken@acme.example", "disabled": True}


def test_enable_undoes_disable(file: Path) -> None:
    run("disable", file, YUKI)
    assert run("enable", file, YUKI).output == f"{YUKI}: enabled\n"
    assert json.loads(run("list", file, "--json").output) == [{"address": YUKI, "disabled": False}]


def test_remove_removes(file: Path) -> None:
    assert run("remove", file, YUKI).output == f"{YUKI}: removed\n"
    assert json.loads(run("list", file, "--json").output) == []


@pytest.mark.parametrize("verb", ["remove", "disable", "enable"])
def test_stranger_is_told(file: Path, verb: str) -> None:
    done = run(verb, file, "ken@acme.example")
    assert (done.exit_code, done.output) == (1, "local: there is no ken@acme.example\n")


def test_missing_file_is_told(tmp_path: Path) -> None:
    done = run("list", tmp_path / "people")
    assert (done.exit_code, done.output) == (1, f"local: {tmp_path}/people: No such file or directory\n")


def test_missing_plugin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cgappliance_local.users", None)
    done = run("list", tmp_path / "people")
    assert done.exit_code == 2
    assert "install the plugin cgappliance-local" in done.output
