"""``cgappliance session``: who is connected now."""

from __future__ import annotations

from datetime import timedelta

import click

from cgappliance.cli.common import Decorated, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.cli.desk import open_desk, tenant_named
from cgappliance.config.load import load_settings
from cgappliance.server.control import ask


@click.group()
def command() -> None:
    """Show and end live sessions."""


def _conditions(function: Decorated) -> Decorated:
    for option in (
        click.option("--session", metavar="ID", help="The session with this id."),
        click.option("--network", metavar="NETWORK", help="Sessions from this address or network."),
        click.option("--profile", metavar="PROFILE", help="Sessions of accounts that have this security profile now."),
        click.option("--protocol", type=click.Choice(["imap", "pop3", "smtp"]), help="Sessions of this protocol."),
        click.option("--account", metavar="ADDRESS", help="Sessions of this mail address."),
        click.option("--tenant", metavar="TENANT", help="Sessions of this tenant."),
    ):
        function = option(function)
    return function


@command.command("list")
@_conditions
@click.option("--here", is_flag=True, help="Of this node only: does not wait a second for the others.")
@config_option()
@json_option
@pass_state
def list_sessions(state: State, /, as_json: bool, here: bool, **where: str | None) -> None:
    """List the live sessions of all workers and nodes, the oldest first.

    ENDS IN is when Gmail will end the session, because the token that it was opened with expires.
    """
    rows = ask(load_settings(state.config).run_dir, "sessions", here=here, **_given(where))
    if as_json:
        print_json(rows)
        return
    header = ("FOR", "ENDS IN", "TENANT", "ACCOUNT", "PROTOCOL", "FROM", "UP", "DOWN", "CLIENT", "NODE", "SESSION")
    cells = [
        (
            _duration(row["seconds"]),
            "-" if row["ends_in_s"] is None else _duration(max(0.0, row["ends_in_s"])),
            row["tenant"],
            row["account"],
            row["protocol"],
            row["peer"],
            str(row["bytes_up"]),
            str(row["bytes_down"]),
            row["client"] or "-",
            row["node"],
            row["session"],
        )
        for row in rows
    ]
    print_table(header, cells)


@command.command("kick")
@_conditions
@click.option("--all", "everybody", is_flag=True, help="End all sessions of all tenants.")
@config_option()
@json_option
@pass_state
def kick_sessions(state: State, /, as_json: bool, everybody: bool, **where: str | None) -> None:
    """End the live sessions that match all conditions given, on all nodes, with the protocol's own farewell."""
    given = _given(where)
    if not given and not everybody:
        raise click.UsageError("give at least one condition, or --all")
    ended = ask(load_settings(state.config).run_dir, "kick", **given)
    if not ended and "tenant" in given:  # one that is no more may still have sessions; but a slip must not look like a success
        with open_desk(state) as desk:
            tenant_named(state, desk.store, given["tenant"])
    if as_json:
        print_json({"ended": ended})
    else:
        click.echo(f"{ended} sessions ended")


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))


def _given(where: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in where.items() if value is not None}
