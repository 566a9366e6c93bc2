"""``cgappliance tenant bypass``: is every way round the appliance closed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import click

from cgappliance.admin.autoconfig.internet import Outside
from cgappliance.admin.bypass import ACCOUNTS_MAX, Budget, Finding, Means, Report, State, Way, examine
from cgappliance.admin.bypass.report import ACCOUNTS_S
from cgappliance.cli.common import EXIT_PROBLEMS, config_option, json_option, pass_state, print_json
from cgappliance.cli.common import State as Options
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named
from cgappliance.cli.outside import open_google
from cgappliance.config.load import load_settings

TITLES: Final[Mapping[Way, str]] = {
    Way.CLIENTS: "mail programs that log in at Google",
    Way.PASSWORDS: "Google passwords that somebody knows",
    Way.AUTOCONFIG: "mail programs that set themselves up",
    Way.DELEGATION: "what the service account may do",
    Way.KEY: "the age of its key",
}
WIDTH: Final = 8  #: the column of the state; what comes behind stands under each other


@click.command()
@tenant_argument
@click.option(
    "--accounts",
    metavar="NUMBER",
    type=click.IntRange(1, 100_000),
    default=ACCOUNTS_MAX,
    show_default=True,
    help="Ask Google about so many accounts: about half a second each.",
)
@config_option()
@json_option
@pass_state
@click.pass_context
def bypass(context: click.Context, state: Options, tenant: str, *, accounts: int, as_json: bool) -> None:
    """Look at every way round the appliance to TENANT's mail at Google, and say how to close it.

    Asks Google's APIs and the internet; changes nothing. What no API shows is said as UNSEEN, with how to check it by hand. The
    exit status is 1 when a way is open.
    """
    budget = Budget(accounts, max(ACCOUNTS_S, accounts * ACCOUNTS_S / ACCOUNTS_MAX))
    with open_desk(state) as desk:
        means = Means(open_google, Outside(), load_settings(state.config).web)
        report = examine(desk, tenant_named(state, desk.store, tenant), means, budget)
    if as_json:
        print_json({"at": report.at, "open": report.is_open, "findings": [asdict(finding) for finding in report.findings]})
    else:
        _print(report)
    context.exit(EXIT_PROBLEMS if report.is_open else 0)


def _print(report: Report) -> None:
    for way in Way:
        click.echo(f"{TITLES[way]}:")
        for finding in report.of(way):
            _print_one(finding)


def _print_one(finding: Finding) -> None:
    word = finding.state.upper() if finding.state is State.OPEN else finding.state
    click.echo(f"  {word:<{WIDTH}} {finding.sentence}")
    for line in finding.lines:
        click.echo(f"  {'':<{WIDTH}}    {line}")
    if finding.more:
        click.echo(f"  {'':<{WIDTH}}    and {finding.more} more")
    if finding.remedy:
        click.echo(f"  {'':<{WIDTH}} -> {finding.remedy}")
