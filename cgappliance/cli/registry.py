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
    "account": "Show and change the accounts of a tenant.",
    "admin": "Show and change the local administrators of a tenant's admin site.",
    "audit": "Show what administrators have changed.",
    "autoconfig": "Show what mail clients set themselves up with, and which of them would go past the appliance.",
    "check": "Check cgappliance.toml and all tenant files, and print every mistake.",
    "credential": "Handle the Google-side credentials of accounts.",
    "db": "Upgrade, check, back up and restore the database.",
    "explain": "Show what would become of a login, rule by rule.",
    "history": "Show the access history.",
    "key": "Make and change the keys that encrypt the stored credentials.",
    "local": 'Keep the people of an embedded directory (backend "local").',
    "log": "Change what the running appliance logs, until its next start.",
    "profile": "Show and change the security profiles of a tenant.",
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
