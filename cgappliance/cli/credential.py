"""``cgappliance credential``: the Google-side secrets that the appliance keeps."""

from __future__ import annotations

import click

from cgappliance.admin import credentials
from cgappliance.cli import credential_google
from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json, tell
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named, vault_of

_address = click.argument("address", metavar="ADDRESS")


@click.group()
def command() -> None:
    """Handle the Google-side credentials of accounts."""


for _verb in (
    credential_google.reset,
    credential_google.set_app_password,
    credential_google.list_app_passwords,
    credential_google.revoke,
):
    command.add_command(_verb)


@command.command("pending")
@tenant_argument
@config_option()
@json_option
@pass_state
def list_pending(state: State, tenant: str, as_json: bool) -> None:
    """List the accounts whose password reset was interrupted or got no answer; the next reset of each finishes it."""
    with open_desk(state) as desk:
        found = credentials.undecided(desk, tenant_named(state, desk.store, tenant))
    if as_json:
        print_json(found)
        return
    for address in found:
        click.echo(address)


@command.command("reveal")
@tenant_argument
@_address
@click.option("--reason", required=True, metavar="TEXT", help="What it is needed for; it stands in the audit log.")
@config_option()
@json_option
@pass_state
def reveal(state: State, tenant: str, address: str, reason: str, as_json: bool) -> None:
    """Print the stored Google credentials of an account, in the clear. The audit log has who asked, and why."""
    with open_desk(state) as desk:
        found = credentials.reveal(desk, tenant_named(state, desk.store, tenant), address, vault_of(state), reason)
    if as_json:
        print_json([{"kind": one.kind, "state": one.state, "secret": one.secret.reveal()} for one in found])
        return
    for one in found:
        click.echo(f"{one.kind} ({one.state}): {one.secret.reveal()}")


@command.command("forget")
@tenant_argument
@_address
@config_option()
@json_option
@pass_state
def forget(state: State, tenant: str, address: str, as_json: bool) -> None:
    """Remove the stored app password of an account; at Google it stays until it is revoked there."""
    with open_desk(state) as desk:
        credentials.forget_app_password(desk, tenant_named(state, desk.store, tenant), address)
    tell({"address": address}, f"{address}: app password forgotten", as_json=as_json)
