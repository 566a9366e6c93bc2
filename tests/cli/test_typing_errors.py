"""Whatever is typed, the answer is words and an exit status that is documented: never a traceback."""

import json

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgappliance.cli.common import EXIT_BUG
from tests.cli.conftest import Run
from tests.cli.test_registry import ALL
from tests.config.kit import Place

YUKI = "yuki@acme.example"

#: What is right somewhere, and what people, scripts and other people's data come up with.
WORDS = [
    *("acme", "office", YUKI, "taro@acme.example", "imap", "csv", "7d", "1", "--", "-", "."),
    *("", " ", "acm", "ACME", "../acme", "/nonexistent/file", "yuki", "yuki@", "@", "yuki@other.example"),
    *("0", "-1", "1e9", "99999999999999999999", "nan", "inf", "2026-02-30", "9999-12-31", "0001-01-01", "10.0.0.0/99", "::1%eth0"),
    *("佐藤@acme.example", "日本", "\u202e", "\U0001f600", "\udcff", "a" * 5000, "x\ny", "x\ty", "%s", "{}", "'", '"', "\\", "*"),
]
COMMANDS = [words for words in ALL if words != "serve"]  # that would run until it is told to stop


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Make the words of a command, with as many arguments as it wants and some of its options; now and then with others."""
    words = draw(st.sampled_from(COMMANDS))
    line = words.split()
    for parameter in ALL[words].params:
        line += draw(argument(parameter) if isinstance(parameter, click.Argument) else st.just([]) | option(parameter))
    return line + draw(st.just([]) | st.lists(st.sampled_from(WORDS), max_size=2))


def argument(parameter: click.Parameter) -> st.SearchStrategy[list[str]]:
    likely = {"tenant": "acme", "address": YUKI, "addresses": YUKI, "name": "office"}.get(parameter.name or "", "x")
    return st.lists(st.just(likely) | st.sampled_from(WORDS), min_size=1, max_size=1 if parameter.nargs == 1 else 3)


def option(parameter: click.Parameter) -> st.SearchStrategy[list[str]]:
    name = parameter.opts[-1]
    if name in ("--config", "-o", "--output", "--version"):
        return st.just([])
    if getattr(parameter, "is_flag", False):
        return st.just([name])
    choices = list(getattr(parameter.type, "choices", ()))
    return st.sampled_from([*map(str, choices), *WORDS]).map(lambda word: [name, word])


@pytest.fixture
def furnished(office: Run, place: Place, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run in a folder of its own: words are names of files too."""
    monkeypatch.chdir(place.root)
    office("account", "create", "acme", YUKI)
    return office


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=command_lines(), stdin=st.sampled_from(["", "y\n", "[]", "{}", "\x00", "long " * 1000]))
def test_any_words_are_answered_in_words(furnished: Run, line: list[str], stdin: str):
    result = furnished(*line, stdin=stdin)
    assert result.exit_code in (0, 1, 2), (EXIT_BUG, line, result.output)
    assert "Traceback" not in result.output
    assert result.exit_code == 0 or result.output.strip(), line
    if result.exit_code == 0 and "--json" in line and "--" not in line:
        json.loads(result.stdout)


def test_bytes_that_are_no_text_are_a_mistake_of_the_command_line(run: Run):
    result = run("db", "backup", "copy\udcff")
    assert "Error: 'copy\\udcff' is not UTF-8" in result.output
    assert result.exit_code == 2
