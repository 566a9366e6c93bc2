"""``cgappliance explain``: what would become of a login, rule by rule."""

from __future__ import annotations

from dataclasses import asdict

import click

from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor import Finding, look_outside
from cgappliance.admin.doctor import State as Condition
from cgappliance.admin.explain import Explanation, RuleLine, explain
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.cli.desk import moment, one_of, open_desk, tenant_argument, tenant_named
from cgappliance.cli.outside import kinds
from cgappliance.cli.tenant_doctor import finding_data, kept_credentials, printed
from cgappliance.config.networks import parse_address
from cgappliance.config.problem import Unfit
from cgappliance.model import MailProtocol, Reason, Tenant


@click.command()
@tenant_argument
@click.argument("address", metavar="ADDRESS")
@click.option("--protocol", required=True, type=one_of(MailProtocol), help="Of the port.")
@click.option("--ip", required=True, metavar="ADDRESS", help="From where the client comes.")
@click.option("--at", "when", metavar="WHEN", help="At another moment than now: '2026-12-01 22:10', in the tenant's time.")
@click.option("--live", is_flag=True, help="Ask the directory and Google about the account too, and try its login at Gmail.")
@config_option()
@json_option
@pass_state
@click.pass_context
def command(
    context: click.Context,
    state: State,
    /,
    tenant: str,
    address: str,
    *,
    protocol: str,
    ip: str,
    when: str | None,
    live: bool,
    as_json: bool,
) -> None:
    """Show what would become of a login, rule by rule.

    Every rule in order, which one decides, and what the client would see. Directory and Google are asked with --live only. The exit
    status is 1 when the login would be refused, or something of what was asked is wrong.
    """
    try:
        client = parse_address(ip)
    except Unfit as error:
        raise click.UsageError(str(error)) from error
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        told = explain(desk, found, address, protocol=MailProtocol(protocol), ip=client, at=moment(when, found.timezone))
        if not as_json:
            _print(told)
        findings = _ask(state, desk, found, address, show=not as_json) if live else []
    if as_json:
        print_json({**_data(told), **({"live": [finding_data(finding) for finding in findings]} if live else {})})
    is_good = told.decision is Reason.ACCEPTED and not any(finding.state is Condition.PROBLEM for finding in findings)
    context.exit(0 if is_good else EXIT_PROBLEMS)


def _ask(state: State, desk: Desk, tenant: Tenant, address: str, *, show: bool) -> list[Finding]:
    if show:
        click.echo()
    findings = look_outside(kinds(), tenant, address, kept_credentials(state, desk, tenant))
    return list(printed(findings) if show else findings)


def _data(told: Explanation) -> dict[str, object]:
    return {
        "decision": told.decision.value,
        "decided_by": told.decided_by,
        "client_sees": told.client_sees,
        "profile": None if told.profile is None else told.profile.name,
        "lines": [{**asdict(line), "reason": line.reason.value} for line in told.lines],
        "rules": [asdict(line) for line in told.rules],
    }


def _rule_cells(line: RuleLine) -> tuple[str, str, str]:
    return "allow" if line.allow else "deny", "yes" if line.applies else "no", line.sentence


def _print(told: Explanation) -> None:
    print_table(("RULE", "SAYS", "WHY"), [(line.rule, "yes" if line.passed else "NO", line.sentence) for line in told.lines])
    if told.rules:
        click.echo(f"\nrules of the profile {told.profile.name if told.profile else ''!r}:")
        cells = [(f"{line.number}{' *' if line.decides else ''}", *_rule_cells(line)) for line in told.rules]
        print_table(("NUMBER", "ACTION", "APPLIES", "WHY"), cells)
    if told.decided_by:
        click.echo(f"\nrefused by {told.decided_by!r}: {told.decision.sentence}\nthe client sees: {told.client_sees}")
    else:
        click.echo("\nthe directory would be asked for the password")
