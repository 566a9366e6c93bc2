"""``cgappliance local``: the people of an embedded directory, in the file of the backend ``local``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cgappliance.cli.common import json_option, print_json, print_table, tell
from cgappliance.errors import CgapplianceError, PluginError
from cgappliance.secret import Secret

#: Characters of a password on standard input: more than any client sends.
PASSWORD_LIMIT = 1024

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_address = click.argument("address")


@contextmanager
def _users() -> Iterator[Any]:
    """Lend the plugin's module for the file; its errors become ours.

    Raises:
        PluginError: the plugin is not installed.
        CgapplianceError: the file, or what was to be done with it, is wrong.
    """
    try:
        users = importlib.import_module("cgappliance_local.users")
    except ImportError as error:
        raise PluginError(f"local: {error} (install the plugin cgappliance-local beside the appliance)") from error
    try:
        yield users
    except users.UsersFileError as error:
        raise CgapplianceError(f"local: {error}") from error
    except OSError as error:
        raise CgapplianceError(f"local: {error.filename}: {error.strerror}") from error


@click.group()
def command() -> None:
    """Keep the people of an embedded directory (backend "local")."""


@command.command("list")
@_file
@json_option
def list_people(file: Path, as_json: bool) -> None:
    """List who stands in FILE."""
    with _users() as users:
        people = list(users.read(file).values())
    if as_json:
        print_json([{"address": user.address, "disabled": user.disabled} for user in people])
    else:
        print_table(("ADDRESS", "STATE"), [(user.address, "disabled" if user.disabled else "enabled") for user in people])


@command.command()
@_file
@_address
@click.option("--stdin", "from_stdin", is_flag=True, help="Take the password from the first line of standard input.")
@json_option
def passwd(file: Path, address: str, from_stdin: bool, as_json: bool) -> None:
    """Give ADDRESS a password; FILE is made when there is none.

    Somebody who stands in FILE already gets the new password, and cannot log in with the old one any more.
    """
    with _users() as users:
        users.set_password(file, address, _from_stdin() if from_stdin else _prompt())
    tell({"address": address, "done": "password set"}, f"{address}: password set", as_json=as_json)


@command.command()
@_file
@_address
@json_option
def remove(file: Path, address: str, as_json: bool) -> None:
    """Remove ADDRESS from FILE."""
    with _users() as users:
        users.remove(file, address)
    tell({"address": address, "done": "removed"}, f"{address}: removed", as_json=as_json)


@command.command()
@_file
@_address
@json_option
def disable(file: Path, address: str, as_json: bool) -> None:
    """Keep ADDRESS out, and keep the password for later."""
    with _users() as users:
        users.set_disabled(file, address, disabled=True)
    tell({"address": address, "done": "disabled"}, f"{address}: disabled", as_json=as_json)


@command.command()
@_file
@_address
@json_option
def enable(file: Path, address: str, as_json: bool) -> None:
    """Let ADDRESS in again."""
    with _users() as users:
        users.set_disabled(file, address, disabled=False)
    tell({"address": address, "done": "enabled"}, f"{address}: enabled", as_json=as_json)


def _from_stdin() -> Secret:
    line = sys.stdin.readline(PASSWORD_LIMIT + 1)
    if len(line) > PASSWORD_LIMIT:
        raise CgapplianceError(f"local: the password is longer than {PASSWORD_LIMIT} characters")
    return Secret(line.rstrip("\r\n"))


def _prompt() -> Secret:
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt="Once more"))
