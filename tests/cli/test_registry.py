import pathlib
from collections.abc import Iterator

import click
import pytest

import cgappliance.cli
from cgappliance.cli import main
from cgappliance.cli.registry import COMMANDS, find


@pytest.mark.parametrize("word", list(COMMANDS))
def test_help_of_a_word_is_the_first_line_of_its_command(word: str):
    command = find(word)
    assert command is not None
    assert (command.help or "").partition("\n")[0] == COMMANDS[word]


def test_unknown_word_is_no_command():
    assert find("nope") is None
    assert find("common") is None


def test_each_module_beside_the_registry_is_registered():
    folder = pathlib.Path(cgappliance.cli.__file__).parent
    shared = {"--init--", "main", "common", "desk", "outside", "registry"}
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - shared
    parts = {module for module in modules - set(COMMANDS) if module.partition("-")[0] in COMMANDS}  # of a noun's group
    assert modules - parts == set(COMMANDS)


def commands(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its words."""
    if not isinstance(context.command, click.Group):
        yield context.command_path.partition(" ")[2], context.command
        return
    for word in context.command.list_commands(context):
        command = context.command.get_command(context, word)
        assert command is not None
        yield from commands(click.Context(command, info_name=word, parent=context))


ALL = dict(commands(click.Context(main, info_name="cgappliance", **main.context_settings)))

#: Commands without ``--json``, and what a program reads instead.
WITHOUT_JSON = {
    "serve": "it runs until it is told to stop; what it says is the log, JSON where the settings say so",
    "account export": "what it writes is for programs: CSV, which import reads; 'account list --json' has the same",
    "audit export": "what it writes is for programs: CSV; 'audit list --json' has the same",
    "history export": "what it writes is for programs: CSV or, by --format jsonl, JSON lines",
    "autoconfig render": "what it writes is for programs: the mail clients",
}


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("words", [words for words in ALL if words not in WITHOUT_JSON])
def test_each_command_prints_json_when_asked(words: str):
    assert "--json" in options_of(ALL[words])


def test_only_commands_that_need_none_are_without_json():
    assert {words for words, command in ALL.items() if "--json" not in options_of(command)} == set(WITHOUT_JSON)


@pytest.mark.parametrize("words", [words for words in ALL if not words.startswith("local ")])
def test_each_command_takes_the_settings_behind_its_words(words: str):
    assert "--config" in options_of(ALL[words])
