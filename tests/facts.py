"""What the code says of itself, to be compared with the documents: commands, log events. For ``test_docs.py``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import click

from cgappliance.cli import main
from cgappliance.testing.gmail.__main__ import main as gmail_main
from tests.documents import DOCS, ROOT

SOURCES = [
    path
    for folder in (ROOT / "cgappliance", *ROOT.glob("plugins/*/cgappliance_*"))
    for path in sorted(folder.rglob("*.py"))
    if "testing" not in path.relative_to(ROOT).parts
]
LEVELS = ("debug", "info", "warning", "error")


def leaves(context: click.Context) -> dict[str, click.Command]:
    """Return every command by its path."""
    found = {context.command_path: context.command}
    if isinstance(context.command, click.Group):
        for word in context.command.list_commands(context):
            command = context.command.get_command(context, word)
            assert command is not None
            found |= leaves(click.Context(command, info_name=word, parent=context))
    return found


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Read a command line as click does, and run nothing.

    Raises:
        click.UsageError: it is none of ours.
    """
    context = click.Context(command, info_name=command.name, parent=parent)
    if isinstance(command, click.Group):
        rest: list[str] = command.make_parser(context).parse_args(words)[1]
        if not rest:
            raise click.UsageError("Missing command.", context)
        _, following, rest = command.resolve_command(context, rest)
        assert following is not None
        parse(following, rest, context)
    else:
        try:
            command.make_context(command.name, words, parent=parent)
        except click.BadParameter as error:  # a file of the reader's is not here
            if error.param is None or not isinstance(error.param.type, click.Path | click.File):
                raise


def complaint(words: list[str]) -> str | None:
    """Return what is wrong with a shell command of ours; None: nothing, or it is somebody else's."""
    program = Path(words[0]).name
    try:
        if program == "cgappliance":
            parse(main, words[1:])
        elif words[1:3] == ["-m", "cgappliance.testing.gmail"]:
            gmail_main.make_parser(click.Context(gmail_main)).parse_args(words[3:])
    except click.UsageError as error:
        return f"{' '.join(words)}: {error.format_message()}"
    named = [word for word in words if re.match(r"(script|tests|docs|plugins|conf\.d)/", word) and not word.startswith("conf.d/")]
    missing = [word for word in named if not (ROOT / word).exists()]
    options = [word for word in words[1:] if word.startswith("--")] if words[0].startswith("script/") else []
    missing += [word for word in options if word not in (ROOT / words[0]).read_text()]
    return f"{' '.join(words)}: there is no {', '.join(missing)}" if missing else None


@dataclass(slots=True)
class Event:
    """What is known of one log event."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    more: bool = False  #: the call passes on fields that are not named there


def logged() -> dict[str, Event]:
    """Return the events that the code logs."""
    found: dict[str, Event] = {}
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            function = ast.unparse(node.func)
            if function == "write":  # one of two methods, chosen a line or two before
                function = " ".join(re.findall(r"\bwrite = (.*)", text))
            if re.search(r"\b(_log|log\.get\(\))\.", function):
                event = found.setdefault(node.args[0].value, Event())
                event.levels |= {level for level in LEVELS if f".{level}" in function}
                event.fields |= {keyword.arg for keyword in node.keywords if keyword.arg}
                event.more |= any(keyword.arg is None for keyword in node.keywords)
    return found


def described() -> dict[str, Event]:
    """Return the events as the page has them."""
    found = {}
    for name, entry in re.findall(
        r"^\.\. logevent:: (\S+)\n(.*?)(?=^\S|\Z)",
        (DOCS / "reference/events.rst").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    ):
        level, fields = re.search(r":Level: (.*?):Fields: (.*?)\n\n", entry, re.DOTALL).groups()  # type: ignore[union-attr]
        levels = {word for word in LEVELS if re.search(rf"\b{word}\b", level)}
        found[name] = Event(levels, set(re.findall(r"``(\w+)``", fields)))
    return found
