"""``cgappliance status``: how the running appliance is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.config.load import load_settings
from cgappliance.server.control import ask


@click.command()
@config_option()
@json_option
@pass_state
@click.pass_context
def command(context: click.Context, state: State, as_json: bool) -> None:
    """Show workers, tenants and problems of the running appliance.

    The exit status is 1 when a tenant file is broken, or nothing is running.
    """
    status = ask(load_settings(state.config).run_dir, "status")
    if as_json:
        print_json(status)
    else:
        _print(status)
    context.exit(EXIT_PROBLEMS if any(tenant["broken"] for tenant in status["tenants"].values()) or status["broken"] else 0)


def _print(status: dict[str, Any]) -> None:
    rows = [
        (str(entry["number"]), str(entry["pid"]), _age(entry["seconds"]), str(entry["sessions"])) for entry in status["workers"]
    ]
    print_table(("WORKER", "PID", "UP", "SESSIONS"), rows)
    click.echo()
    lines = [
        (name, "file broken: last good state" if entry["broken"] else "on line", entry["name"])
        for name, entry in status["tenants"].items()
    ]
    lines += [(name, "broken", "-") for name in status["broken"]]
    if lines:
        print_table(("TENANT", "STATE", "NAME"), sorted(lines))
    else:
        click.echo(f"no tenant yet: put a file into {status['conf_d']} (examples: /usr/share/doc/cgappliance/examples)")
    for problem in status["problems"]:
        click.echo(problem)


def _age(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))
