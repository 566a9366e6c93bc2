"""``cgappliance log``: what the running appliance logs, until it is started again."""

from __future__ import annotations

import click

from cgappliance.cli.common import State, config_option, json_option, pass_state, tell
from cgappliance.config.load import load_settings
from cgappliance.config.schema_appliance import LOG_LEVELS
from cgappliance.server.control import ask


@click.group()
def command() -> None:
    """Change what the running appliance logs, until its next start."""


@command.command("level")
@click.argument("level", type=click.Choice(LOG_LEVELS))
@config_option()
@json_option
@pass_state
def set_level(state: State, level: str, as_json: bool) -> None:
    """Log from LEVEL on; "info" has one line for each login."""
    ask(load_settings(state.config).run_dir, "log", level=level)
    tell({"level": level}, f"logging from {level} on", as_json=as_json)


@command.command("trace")
@click.argument("address")
@click.option("--minutes", type=float, default=10.0, show_default=True, help="For how long, at most 120; 0: no longer.")
@config_option()
@json_option
@pass_state
def trace(state: State, address: str, minutes: float, as_json: bool) -> None:
    """Log the mail dialogue of ADDRESS for some minutes: which commands and answers, and how long they are.

    Passwords and the content of messages are not in it: a trace is made of the protocols' own words and of numbers. Its lines
    are of level info. Sessions that are open already are traced too.
    """
    normalised = address.strip().lower()
    ask(load_settings(state.config).run_dir, "trace", address=normalised, minutes=minutes)
    line = f"tracing {normalised} for {minutes:g} minutes (event=trace in the log)" if minutes else f"not tracing {normalised}"
    tell({"address": normalised, "minutes": minutes}, line, as_json=as_json)
