"""``cgappliance autoconfig``: what mail clients set themselves up with, and which of them would go past the appliance."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import click

from cgappliance.admin import accounts
from cgappliance.admin.autoconfig import apple, outlook, records, thunderbird
from cgappliance.admin.autoconfig.check import check
from cgappliance.admin.autoconfig.findings import BAD, Finding
from cgappliance.admin.autoconfig.internet import Outside
from cgappliance.admin.autoconfig.table import MailSetup, ensure_certificate, load_setup, setup_page
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named
from cgappliance.config.load import load_settings
from cgappliance.config.networks import parse_address
from cgappliance.config.problem import Unfit

FORMATS: Final = ("thunderbird", "outlook", "apple", "dns")
OF_ADDRESSES: Final = frozenset({"outlook", "apple"})  #: formats that are for one address


@click.group()
def command() -> None:
    """Show what mail clients set themselves up with, and which of them would go past the appliance."""


def _setup(state: State, tenant: str, address: str) -> tuple[MailSetup, str]:
    """Return a tenant's table and the address as it is kept.

    Raises:
        CgapplianceError: no such tenant, nothing to publish, or the address is none of its domains.
    """
    web = load_settings(state.config).web
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        setup = load_setup(desk.store, found, setup_page(found, web))
    ensure_certificate(found, datetime.now(UTC))
    return setup, accounts.checked(found, address) if address else ""


@command.command("render")
@tenant_argument
@click.option("--format", "form", required=True, type=click.Choice(FORMATS), help="For whom.")
@click.option("--address", default="", metavar="ADDRESS", help="Whose; needed for outlook and apple.")
@click.option("--domain", default="", metavar="DOMAIN", help="For thunderbird and dns, if the tenant has several: only this one.")
@click.option("--certificate", type=click.Path(dir_okay=False, path_type=Path), help="For apple: sign with this certificate (PEM).")
@click.option("--private-key", type=click.Path(dir_okay=False, path_type=Path), help="Its key.")
@click.option("--output", type=click.File("wb", lazy=True), default="-", help="A file to write, instead of standard output.")
@config_option()
@pass_state
def render(
    state: State,
    tenant: str,
    *,
    form: str,
    address: str,
    domain: str,
    certificate: Path | None,
    private_key: Path | None,
    output: IO[bytes],
) -> None:
    """Show what a kind of mail client is told, or the DNS records to paste.

    Only protocols that some security profile of the tenant allows are told. The same is told for every address of the tenant's
    domains, whether there is an account or not.
    """
    if form in OF_ADDRESSES and not address:
        raise click.UsageError(f"--format {form} is for one address: add --address")
    if (certificate is None) != (private_key is None):
        raise click.UsageError("--certificate and --private-key need each other")
    setup, address = _setup(state, tenant, address)
    signer = apple.load_signer(certificate, private_key) if certificate is not None and private_key is not None else None
    domains = [address.rpartition("@")[2]] if address else _domains(setup, domain)
    output.write(_rendered(setup, form, address, domains, signer))


def _domains(setup: MailSetup, wanted: str) -> list[str]:
    if wanted and wanted.lower() not in setup.domains:
        raise click.UsageError(f"{wanted} is not a domain of {setup.tenant} (it has {', '.join(setup.domains)})")
    return [wanted.lower()] if wanted else list(setup.domains)


def _rendered(setup: MailSetup, form: str, address: str, domains: list[str], signer: apple.Signer | None) -> bytes:
    if form == "thunderbird":
        return b"".join(thunderbird.render(setup, domain) for domain in domains)
    if form == "outlook":
        return outlook.answer(setup, outlook.Question(address, outlook.SETTINGS))
    if form == "dns":
        return "\n".join(records.zone(setup, domain) for domain in domains).encode()
    profile = apple.render(setup, address)
    return apple.sign(profile, signer) if signer is not None else profile


@command.command("check")
@tenant_argument
@click.option("--address", default="", metavar="ADDRESS", help="Ask for this one; the answers must not depend on it.")
@click.option("--nameserver", default="", metavar="ADDRESS", help="Ask this name server instead of the system's.")
@config_option()
@json_option
@pass_state
@click.pass_context
def check_tenant(context: click.Context, state: State, tenant: str, *, address: str, nameserver: str, as_json: bool) -> None:
    """Look up what each kind of mail client would, and say where it ends up.

    Web pages, DNS records and the mail ports are asked as a client outside would ask them, so run it on a machine outside if the
    appliance sees another DNS than the people. The exit status is 1 when a client would go past the appliance, to settings that
    are not the tenant's, or when something could not be looked up.
    """
    if nameserver:
        try:
            parse_address(nameserver)
        except Unfit as error:
            raise click.UsageError(f"--nameserver: {error}") from error
    setup, address = _setup(state, tenant, address)
    found = check(setup, Outside(nameserver), address)
    if as_json:
        print_json([{**asdict(finding), "verdict": finding.verdict.value} for finding in found])
    else:
        _print(found)
    context.exit(EXIT_PROBLEMS if any(finding.verdict in BAD for finding in found) else 0)


def _print(found: list[Finding]) -> None:
    for finding in found:
        place = f"{finding.domain}: " if finding.domain else ""
        click.echo(f"{finding.verdict.value.upper():10} {place}{finding.client}: {finding.sentence}")
        if finding.remedy:
            click.echo(f"{'':10} -> {finding.remedy}")
        if finding.verdict in BAD:
            for look in finding.looks:
                click.echo(f"{'':10}    {look.what}: {look.found}")
