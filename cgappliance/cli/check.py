"""``cgappliance check``."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from cgappliance.cli.common import EXIT_CONFIGURATION, EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json
from cgappliance.config.load import Inspection, inspect
from cgappliance.plugins import discover


@click.command()
@config_option()
@json_option
@pass_state
@click.pass_context
def command(context: click.Context, state: State, as_json: bool) -> None:
    """Check cgappliance.toml and all tenant files, and print every mistake.

    Certificates, keys and secret files that they name are checked too; no directory and no Google is asked. The exit status is
    0 when all is well (warnings included), 1 when a tenant has an error, 2 when cgappliance.toml or a plugin has.
    """
    found = inspect(state.config, discover())
    if as_json:
        print_json(_as_data(found))
    else:
        for problem in found.problems:
            click.echo(str(problem))
        click.echo(_summary(found))
    context.exit(_exit_status(found))


def _exit_status(found: Inspection) -> int:
    if found.appliance or found.config is None:
        return EXIT_CONFIGURATION
    return EXIT_PROBLEMS if found.config.broken else 0


def _summary(found: Inspection) -> str:
    errors = sum(problem.is_error for problem in found.problems)
    warnings = len(found.problems) - errors
    counts = f"{errors} {'error' if errors == 1 else 'errors'}, {warnings} {'warning' if warnings == 1 else 'warnings'}"
    if found.config is None:
        return f"{counts}; the tenant files were not found"
    good, broken = len(found.config.tenants), len(found.config.broken)
    return f"{counts}; {good} of {good + broken} {'tenant' if good + broken == 1 else 'tenants'} can be served"


def _as_data(found: Inspection) -> dict[str, Any]:
    tenants = found.config.tenants if found.config is not None else {}
    broken = found.config.broken if found.config is not None else {}
    return {
        "ok": _exit_status(found) == 0,
        "tenants": sorted(tenants),
        "broken": sorted(broken),
        "problems": [dataclasses.asdict(problem) for problem in found.problems],
    }
