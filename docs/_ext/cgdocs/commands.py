"""The commands as click knows them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cgappliance.cli import main
from cgdocs.text import heading, indented, prose

PROGRAM = "cgappliance"


def render(*, index: bool = True) -> str:
    """Return all commands: one section for each word, its own words below it."""
    return "\n".join(section(context, index=index) for context in contexts(click.Context(main, info_name=PROGRAM)))


def contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command and of every command below it."""
    yield context
    if isinstance(context.command, click.Group):
        for word in context.command.list_commands(context):
            command = context.command.get_command(context, word)
            if command is not None and not command.hidden:
                yield from contexts(click.Context(command, info_name=word, parent=context))


def section(context: click.Context, *, index: bool) -> str:
    """Return the section of one command."""
    path, command = context.command_path, context.command
    lines = [heading(path, min(path.count(" "), 2))]
    lines += [f"``{path} {' '.join(command.collect_usage_pieces(context))}``", ""]
    lines += [prose(" ".join(paragraph.split())) + "\n" for paragraph in (command.help or "").split("\n\n")]
    lines += [f".. program:: {path}", ""]
    lines += [option(context, parameter, index=index) for parameter in command.params if isinstance(parameter, click.Option)]
    return "\n".join(lines)


def option(context: click.Context, parameter: click.Option, *, index: bool) -> str:
    """Return the description of one option."""
    names, text = parameter.get_help_record(context) or ("", "")
    return "\n".join([f".. option:: {names}", *([] if index else ["   :no-index:"]), "", indented(prose(text)), ""])
