import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cgappliance import __version__
from cgappliance.cli import main
from cgappliance.errors import CgapplianceError, ConfigurationError
from tests.config.kit import Place

from .conftest import Run


def failing(error: Exception) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def run_failing(monkeypatch: pytest.MonkeyPatch, error: Exception, *options: str):
    monkeypatch.setattr(sys.modules["cgappliance.cli.main"], "find", lambda _word: failing(error))
    return CliRunner().invoke(main, [*options, "check"])


def test_version_is_that_of_the_package():
    assert CliRunner().invoke(main, ["--version"]).output == f"cgappliance, version {__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_words_and_exit_statuses(option: str):
    result = CliRunner().invoke(main, [option])
    assert re.search(r"^  check +Check cgappliance", result.output, re.MULTILINE)
    assert "Exit status:" in result.output
    assert "_CGAPPLIANCE_COMPLETE=bash_source" in result.output
    assert result.exit_code == 0


def test_help_imports_no_word():
    program = (
        "import sys\nfrom click.testing import CliRunner\nfrom cgappliance.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print([name for name in sys.modules if name.startswith(('cgappliance.cli.check', 'cgappliance.server', 'cryptography'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_misspelt_word_is_answered_with_the_one_meant():
    result = CliRunner().invoke(main, ["chek"])
    assert "No such command 'chek'. Did you mean 'check'?" in result.output
    assert result.exit_code == 2


def test_word_like_no_other_gets_no_guess():
    assert "Did you mean" not in CliRunner().invoke(main, ["zzz"]).output


def test_configuration_error_is_its_lines_and_status_2(monkeypatch: pytest.MonkeyPatch):
    result = run_failing(monkeypatch, ConfigurationError("a.toml:1: x: y (z)\na.toml:2: x: y (z)"))
    assert (result.output, result.exit_code) == ("a.toml:1: x: y (z)\na.toml:2: x: y (z)\n", 2)


def test_other_error_of_ours_is_status_1(monkeypatch: pytest.MonkeyPatch):
    result = run_failing(monkeypatch, CgapplianceError("there is no tenant 'x'"))
    assert (result.output, result.exit_code) == ("there is no tenant 'x'\n", 1)


def test_unexpected_error_is_two_lines_without_traceback(monkeypatch: pytest.MonkeyPatch):
    result = run_failing(monkeypatch, RuntimeError("boom"))
    assert result.output.splitlines()[0] == "unexpected RuntimeError: boom"
    assert "--debug" in result.output
    assert "Traceback" not in result.output
    assert result.exit_code == 70


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch):
    result = run_failing(monkeypatch, RuntimeError("boom"), "--debug")
    assert result.output.startswith("Traceback (most recent call last):")
    assert "unexpected RuntimeError: boom" in result.output
    assert result.exit_code == 70


def test_reader_that_has_seen_enough_ends_the_command_quietly(monkeypatch: pytest.MonkeyPatch):
    result = run_failing(monkeypatch, BrokenPipeError(32, "Broken pipe"))
    assert "unexpected" not in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("before", [True, False])
def test_config_may_stand_before_or_behind_the_word(place: Place, run: Run, before: bool):
    option = ["--config", str(place.toml)]
    result = run(*(option if before else []), "check", *([] if before else option), config=False)
    assert result.exit_code == 0


def test_config_comes_from_the_environment_when_not_typed(place: Place, run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CGAPPLIANCE_CONFIG", str(place.toml))
    assert run("check", config=False).exit_code == 0


@pytest.mark.parametrize("arguments", [["--config", "{}", "check"], ["check", "--config", "{}"]])
def test_typed_config_wins_over_the_environment(place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setenv("CGAPPLIANCE_CONFIG", "/nonexistent/cgappliance.toml")
    assert run(*(part.format(place.toml) for part in arguments), config=False).exit_code == 0


def test_command_that_is_installed_is_the_same(tmp_path: Path):
    command = [sys.executable, "-m", "cgappliance", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert done.stdout == f"cgappliance, version {__version__}\n"
