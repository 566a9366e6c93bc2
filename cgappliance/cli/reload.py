"""``cgappliance reload``: the tenant files as they are now."""

from __future__ import annotations

import click

from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.config.load import load_settings
from cgappliance.server.control import ask

QUIET = ("unchanged",)  #: not worth a line
FINE = ("added", "changed", "removed", *QUIET)


@click.command()
@config_option()
@json_option
@pass_state
@click.pass_context
def command(context: click.Context, state: State, as_json: bool) -> None:
    """Make the running appliance read all tenant files again, and show what happened to each tenant.

    It does so by itself when a file in conf.d changes. The exit status is 1 when a file is broken; its tenant then stays in its
    last good state.
    """
    report: dict[str, str] = ask(load_settings(state.config).run_dir, "reload")
    if as_json:
        print_json(report)
    else:
        print_table(("TENANT", "RESULT"), [(name, what) for name, what in sorted(report.items()) if what not in QUIET])
    context.exit(0 if all(what in FINE for what in report.values()) else EXIT_PROBLEMS)
