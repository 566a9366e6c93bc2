"""``cgappliance account create | enable | disable | delete | initial-password``: accounts, and people of a managed directory."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from cgappliance.admin import accounts, newcomer, people
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import Provisioned
from cgappliance.administration import NewPerson
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, tell
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named, vault_of
from cgappliance.cli.outside import open_google, open_managed_directory
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store.accounts import Account

_address = click.argument("address", metavar="ADDRESS")
_addresses = click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
_reason = click.option("--reason", default="", metavar="TEXT", help="Why, for the audit log.")
_in_directory = click.option("--in-directory", is_flag=True, help="In the tenant's directory too (edition light).")
_prompt = click.option("--prompt", is_flag=True, help="Ask for the initial password; else one is made and printed, once.")


@click.command("create")
@tenant_argument
@_address
@click.option("--profile", default="", metavar="NAME", help="Its profile; default: the tenant's default.")
@click.option("--identity", default="", metavar="TEXT", help="The directory's name for it.")
@click.option("--disabled", is_flag=True, help="Without mail access, until it is enabled.")
@_in_directory
@click.option("--given-name", default="", metavar="NAME", help="For directory and Google.")
@click.option("--family-name", default="", metavar="NAME", help="Likewise.")
@_prompt
@click.option(
    "--google/--no-google", default=None, help="Provision it at Google; default: if the tenant file wants something there."
)
@click.option("--create-google-user", is_flag=True, help="Make the user at Google if it is missing; it may cost a licence.")
@config_option()
@json_option
@pass_state
@click.pass_context
def create(context: click.Context, state: State, /, tenant: str, address: str, *, as_json: bool, **options: Any) -> None:
    """Add an account: here, with --in-directory in the directory too, and at Google what the tenant file wants.

    The exit status is 1 when the account was made and something at Google was left undone.
    """
    _refuse_contradictions(options)
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        made, password = _create(desk, found, address, options)
        at_google = _provision(state, desk, found, made, options)
    problem = at_google.problem if at_google is not None else ""
    if as_json:
        shown = None if password is None else password.reveal()
        done = [] if at_google is None else list(at_google.done)
        print_json({"address": made.address, "initial_password": shown, "google": done, "problem": problem})
    else:
        click.echo(f"{made.address}: created{' in the directory and here' if options['in_directory'] else ''}")
        if password is not None:
            click.echo(f"initial password (shown only now): {password.reveal()}")
        if at_google is not None and (at_google.done or problem):
            click.echo(f"at Google: {', '.join(at_google.done) or 'nothing done'}{f'; {problem}' if problem else ''}")
    context.exit(EXIT_PROBLEMS if problem else 0)


def _refuse_contradictions(options: dict[str, Any]) -> None:
    if options["in_directory"] and (options["identity"] or options["disabled"]):
        raise click.UsageError("With --in-directory, the directory gives the identity, and the account is enabled.")
    if options["in_directory"] and not options["family_name"]:
        raise click.UsageError("With --in-directory, say --family-name; an entry of the directory must have one.")
    if options["prompt"] and not options["in_directory"]:
        raise click.UsageError("--prompt asks for the initial password in the directory: say --in-directory too.")


def _create(desk: Desk, tenant: Tenant, address: str, options: dict[str, Any]) -> tuple[Account, Secret | None]:
    """Return the account, and the initial password if it was made here."""
    if not options["in_directory"]:
        given = {"profile": options["profile"], "identity": options["identity"], "enabled": not options["disabled"]}
        return accounts.create(desk, tenant, address, **given), None
    password = _password(options["prompt"])
    person = NewPerson(address, options["given_name"], options["family_name"])
    with open_managed_directory(tenant) as directory:
        made = people.create(desk, tenant, directory, person, password, profile=options["profile"])
    return made, None if options["prompt"] else password


def _provision(state: State, desk: Desk, tenant: Tenant, account: Account, options: dict[str, Any]) -> Provisioned | None:
    """Provision the account at Google, if that is wanted."""
    if options["google"] is False:
        return None
    names = (options["given_name"], options["family_name"])
    wanted = {"asked": bool(options["google"]), "create": options["create_google_user"]}
    return newcomer.provide(desk, tenant, account, open_google, partial(vault_of, state), names=names, **wanted)


@click.command("enable")
@tenant_argument
@_addresses
@_in_directory
@_reason
@config_option()
@json_option
@pass_state
def enable(state: State, /, tenant: str, addresses: tuple[str, ...], *, as_json: bool, in_directory: bool, reason: str) -> None:
    """Switch accounts on: all of them, or none when one cannot be."""
    _switch(state, tenant, addresses, enabled=True, in_directory=in_directory, reason=reason, as_json=as_json)


@click.command("disable")
@tenant_argument
@_addresses
@_in_directory
@_reason
@config_option()
@json_option
@pass_state
def disable(state: State, /, tenant: str, addresses: tuple[str, ...], *, as_json: bool, in_directory: bool, reason: str) -> None:
    """Switch accounts off: they cannot log in, and their live sessions end."""
    _switch(state, tenant, addresses, enabled=False, in_directory=in_directory, reason=reason, as_json=as_json)


def _switch(
    state: State, tenant: str, addresses: tuple[str, ...], *, enabled: bool, in_directory: bool, reason: str, as_json: bool
) -> None:
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        if in_directory:
            with open_managed_directory(found) as directory:
                switched = people.set_enabled(desk, found, directory, addresses, enabled=enabled, reason=reason)
        else:
            switched = accounts.set_enabled(desk, found, addresses, enabled=enabled, reason=reason)
    where = " in the directory and here" if in_directory else ""
    tell(
        [{"address": account.address, "enabled": account.enabled, "in_directory": in_directory} for account in switched],
        *(f"{account.address}: {'enabled' if enabled else 'disabled'}{where}" for account in switched),
        as_json=as_json,
    )


@click.command("delete")
@tenant_argument
@_address
@_in_directory
@click.option("--with-managed-password", is_flag=True, help="Although nobody else knows its Google password.")
@_reason
@config_option()
@json_option
@pass_state
def delete(
    state: State, /, tenant: str, address: str, *, as_json: bool, in_directory: bool, with_managed_password: bool, reason: str
) -> None:
    """Remove an account with its stored credentials. Nothing is deleted at Google, and in the directory only if told so."""
    options: dict[str, Any] = {"with_managed_password": with_managed_password, "reason": reason}
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        if in_directory:
            with open_managed_directory(found) as directory:
                people.delete(desk, found, directory, address, **options)
        else:
            accounts.delete(desk, found, address, **options)
    normalised, where = accounts.normalised(address), " in the directory and here" if in_directory else ""
    data = {"address": normalised, "in_directory": in_directory}
    tell(data, f"{normalised}: deleted{where}", as_json=as_json)


@click.command("initial-password")
@tenant_argument
@_address
@_prompt
@config_option()
@json_option
@pass_state
def initial_password(state: State, /, tenant: str, address: str, *, prompt: bool, as_json: bool) -> None:
    """Give somebody of a managed directory (edition light) another initial password, and forget wrong ones that were tried."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        password = _password(prompt)
        with open_managed_directory(found) as directory:
            people.set_password(desk, found, directory, address, password)
    normalised = accounts.normalised(address)
    if as_json:
        print_json({"address": normalised, "initial_password": None if prompt else password.reveal()})
        return
    click.echo(f"{normalised}: password set")
    if not prompt:
        click.echo(f"initial password (shown only now): {password.reveal()}")


def _password(prompt: bool) -> Secret:
    if not prompt:
        return people.initial_password()
    return Secret(click.prompt("Initial password", hide_input=True, confirmation_prompt="Once more"))
