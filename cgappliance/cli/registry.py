"""The words behind ``cgappliance``: one line each here, one module each beside it.

To add a noun: write ``cgappliance/cli/<noun>.py`` with a click command or group called ``command``, and add a line below. The
module is imported when its word is used, so that ``cgappliance --help`` does not wait for what it does not need.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

#: Word to the first line of its help; a test keeps the two the same.
COMMANDS: Final = {
    "check": "Check cgappliance.toml and all tenant files, and print every mistake.",
    "local": 'Keep the people of an embedded directory (backend "local").',
    "reload": "Make the running appliance read all tenant files again, and show what happened to each tenant.",
    "serve": "Run the appliance until it is told to stop.",
    "session": "Show and end live sessions.",
    "status": "Show workers, tenants and problems of the running appliance.",
    "tenant": "Show the tenants.",
}


def find(word: str) -> click.Command | None:
    """Return the command behind a word; None: there is none."""
    if word not in COMMANDS:
        return None
    module = importlib.import_module(f"cgappliance.cli.{word.replace('-', '_')}")
    command: click.Command = module.command
    return command
