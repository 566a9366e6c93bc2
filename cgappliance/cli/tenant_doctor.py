"""``cgappliance tenant doctor``: what is wrong with a tenant, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Final

import click

from cgappliance.admin import credentials
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor import Finding, State, examine
from cgappliance.cli.common import EXIT_PROBLEMS, config_option, json_option, pass_state, print_json
from cgappliance.cli.common import State as Options
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named, vault_of
from cgappliance.cli.outside import kinds
from cgappliance.model import Tenant
from cgappliance.plugin_api import CredentialSource
from cgappliance.store.errors import KeyProblem

WIDTHS: Final = (8, 16)  #: columns of state and topic; what comes behind stands under each other


@click.command()
@tenant_argument
@click.option("--account", "address", metavar="ADDRESS", help="Look at this account too, and try its login at Gmail.")
@config_option()
@json_option
@pass_state
@click.pass_context
def doctor(context: click.Context, state: Options, tenant: str, address: str | None, as_json: bool) -> None:
    """Look for what keeps people of TENANT from their mail, and say what to do about it.

    Asks everybody anew: the ports of this machine, the directory, Google's token endpoint and APIs, the mail servers. Changes
    nothing. The exit status is 1 when something is wrong.
    """
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        findings = examine(desk, kinds(), found, address=address, kept=kept_credentials(state, desk, found))
        told = list(findings) if as_json else list(printed(findings))
    if as_json:
        print_json([finding_data(finding) for finding in told])
    context.exit(EXIT_PROBLEMS if any(finding.state is State.PROBLEM for finding in told) else 0)


def kept_credentials(state: Options, desk: Desk, tenant: Tenant) -> CredentialSource | None:
    """Return what gives the stored credentials of accounts; None: there is no key file to open them with."""
    try:
        return credentials.source(desk, tenant, vault_of(state))
    except KeyProblem:
        return None


def finding_data(finding: Finding) -> dict[str, object]:
    """Return a finding for programs."""
    return {**asdict(finding), "details": dict(finding.details)}


def printed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each finding as soon as it is there: some take a while."""
    first, second = WIDTHS
    for finding in findings:
        word = finding.state.upper() if finding.state is State.PROBLEM else finding.state
        click.echo(f"{word:<{first}} {finding.topic:<{second}} {finding.sentence}")
        if finding.remedy:
            manual = f" (manual {finding.manual})" if finding.manual else ""
            click.echo(f"{'':<{first}} {'':<{second}} -> {finding.remedy}{manual}")
        yield finding
