import pathlib

import pytest

import cgappliance.cli
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
