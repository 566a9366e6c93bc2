"""What all commands share: exit statuses, the options ``--config`` and ``--json``, and ways to print."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cgappliance.config import DEFAULT_PATH

EXIT_PROBLEMS: Final = 1  #: it was done, or looked at, and something is wrong: the output says what
EXIT_CONFIGURATION: Final = 2  #: the command line, cgappliance.toml or a plugin is wrong: nothing was done
EXIT_BUG: Final = 70  #: a mistake in the program (EX_SOFTWARE of sysexits.h)

ENVIRONMENT: Final = "CGAPPLIANCE_CONFIG"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(slots=True)
class State:
    """What the options in front of the first word say."""

    config: Path = DEFAULT_PATH
    debug: bool = False


pass_state = click.make_pass_decorator(State, ensure=True)


def _keep_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(State).config = value


def config_option(environment: str | None = None) -> Callable[[Decorated], Decorated]:
    """Add ``--config``; it may stand in front of the words or behind one, and the one behind wins.

    Args:
        environment: the variable to look into; only for the option in front of the words, or it would win over what was typed.
    """
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        envvar=environment,
        expose_value=False,
        callback=_keep_config,
        help=f"The appliance's settings; else ${ENVIRONMENT}, else {DEFAULT_PATH}.",
    )


def json_option(function: Decorated) -> Decorated:
    """Add ``--json``, as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(function)


def print_json(value: Any) -> None:
    """Print a value for programs; what JSON does not know is printed as text, a secret as ``****``."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def tell(value: Any, *lines: str, as_json: bool) -> None:
    """Print what a command has done: the value for programs, or the lines for people."""
    if as_json:
        print_json(value)
        return
    for line in lines:
        click.echo(line)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, as wide as their widest cell."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
