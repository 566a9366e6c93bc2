"""``cgappliance profile``: which protocols, from where and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cgappliance.admin import profiles
from cgappliance.admin.profile_rules import parse_rules
from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import local_time, open_desk, tenant_argument, tenant_named, yes_option
from cgappliance.errors import CgapplianceError
from cgappliance.model import ProfileRule

_name = click.argument("name", metavar="NAME")
_rules = click.option(
    "--rules", required=True, type=click.File("r", encoding="utf-8"), metavar="FILE", help="Rules as JSON; - reads them."
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say which live sessions would end, and change nothing.")


@click.group()
def command() -> None:
    """Show and change the security profiles of a tenant."""


@command.command("list")
@tenant_argument
@config_option()
@json_option
@pass_state
def list_profiles(state: State, tenant: str, as_json: bool) -> None:
    """List the profiles of the tenant file and those made here."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        rows = profiles.listing(desk, found)
    if as_json:
        print_json([_data(row) for row in rows])
        return
    cells = [
        (
            row.profile.name,
            ", ".join(sorted(row.profile.mail_access)) or "-",
            str(row.accounts),
            _kind(row),
            local_time(row.changed_at, found.timezone),
            row.changed_by or "-",
        )
        for row in rows
    ]
    print_table(("NAME", "MAIL ACCESS", "ACCOUNTS", "KIND", "CHANGED", "BY"), cells)


@command.command("show")
@tenant_argument
@_name
@config_option()
@json_option
@pass_state
def show_profile(state: State, tenant: str, name: str, as_json: bool) -> None:
    """Print the rules of a profile as JSON, as create and edit read them; with --json, all that is known of it."""
    with open_desk(state) as desk:
        row = profiles.show(desk, tenant_named(state, desk.store, tenant), name)
    print_json(_data(row) if as_json else profiles.seen(row.profile)["rules"])


@command.command("create")
@tenant_argument
@_name
@_rules
@config_option()
@json_option
@pass_state
def create_profile(state: State, tenant: str, name: str, rules: Any, as_json: bool) -> None:
    """Make a profile. Its rules are tried in order, the first that applies decides, and when none does the answer is no.

    A rule: {"allow": true, "protocols": ["imap"], "networks": ["203.0.113.0/24", {"network": "2001:db8::/32", "remark": "HQ"}],
    "windows": ["mon-fri 09:00-18:00"], "remark": "office hours"}; all but protocols may be left out.
    """
    parsed = _parse(rules)
    with open_desk(state) as desk:
        made = profiles.create(desk, tenant_named(state, desk.store, tenant), name, parsed)
    tell({"name": made.name}, f"{made.name}: created", as_json=as_json)


@command.command("copy")
@tenant_argument
@click.argument("source", metavar="SOURCE")
@_name
@config_option()
@json_option
@pass_state
def copy_profile(state: State, tenant: str, source: str, name: str, as_json: bool) -> None:
    """Make the profile NAME with the rules of SOURCE, which may stand in the tenant file."""
    with open_desk(state) as desk:
        made = profiles.copy(desk, tenant_named(state, desk.store, tenant), source, name)
    tell({"name": made.name, "source": source}, f"{made.name}: created with the rules of {source}", as_json=as_json)


@command.command("edit")
@tenant_argument
@_name
@_rules
@_dry_run
@yes_option
@config_option()
@json_option
@pass_state
def edit_profile(state: State, tenant: str, name: str, *, rules: Any, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give a profile other rules. New logins follow them at once, and live sessions that they do not permit end."""
    parsed = _parse(rules)
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        version = profiles.show(desk, found, name).version
        ending = profiles.ending_by_edit(desk, found, name, parsed)
        agreed = _agreed(ending, dry_run=dry_run, yes=yes, quiet=as_json)
        if agreed:
            profiles.edit(desk, found, name, parsed, version=version)
    data = {"name": name, "changed": agreed, "ending": [_ending_data(end) for end in ending]}
    tell(data, *([f"{name}: changed"] if agreed else []), as_json=as_json)


@command.command("delete")
@tenant_argument
@_name
@config_option()
@json_option
@pass_state
def delete_profile(state: State, tenant: str, name: str, as_json: bool) -> None:
    """Remove a profile that no account has."""
    with open_desk(state) as desk:
        profiles.delete(desk, tenant_named(state, desk.store, tenant), name)
    tell({"name": name}, f"{name}: deleted", as_json=as_json)


@command.command("apply")
@tenant_argument
@_name
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="To all accounts of the tenant.")
@_dry_run
@yes_option
@config_option()
@json_option
@pass_state
def apply_profile(state: State, /, tenant: str, name: str, *, addresses: tuple[str, ...], everybody: bool, **how: bool) -> None:
    """Give accounts the profile NAME; "" is the tenant's default. Accounts whose profile the directory chooses are left alone."""
    if everybody == bool(addresses):
        raise click.UsageError("name addresses, or give --all")
    chosen = None if everybody else addresses
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        ending = profiles.ending_by_apply(desk, found, name, chosen)
        agreed = _agreed(ending, dry_run=how["dry_run"], yes=how["yes"], quiet=how["as_json"])
        applied = profiles.apply(desk, found, name, chosen) if agreed else profiles.Applied([], [])
    data = {"name": name, "changed": list(applied.changed), "left_alone": list(applied.left_alone)}
    alone = (f"{address}: left alone, the directory chooses its profile" for address in applied.left_alone)
    tell(
        {**data, "ending": [_ending_data(end) for end in ending]},
        *([f"{len(applied.changed)} accounts changed"] if agreed else []),
        *alone,
        as_json=how["as_json"],
    )


def _parse(file: Any) -> Sequence[ProfileRule]:
    try:
        data = json.load(file)
    except ValueError as error:
        raise CgapplianceError(f"{Path(file.name).name}: this is no JSON: {error} (see 'cgappliance profile show')") from error
    return parse_rules(data)


def _agreed(ending: Sequence[profiles.Ending], *, dry_run: bool, yes: bool, quiet: bool) -> bool:
    """Say which sessions would end, unless ``quiet``, and return whether that is wanted."""
    for end in () if quiet else ending:
        where = f"{end.session.protocol} from {end.session.remote_ip}"
        click.echo(f"{end.session.account}: {where} {'would end' if dry_run else 'ends'}: {end.reason.sentence}")
    if dry_run and not quiet:
        click.echo(f"{len(ending)} live sessions would end")
    elif ending and not yes and not dry_run:
        click.confirm(f"{len(ending)} live sessions end. Go on?", abort=True, err=True)
    return not dry_run


def _ending_data(end: profiles.Ending) -> dict[str, str]:
    session = end.session
    return {
        "account": session.account,
        "protocol": str(session.protocol),
        "from": str(session.remote_ip),
        "reason": end.reason.value,
        "why": end.reason.sentence,
    }


def _kind(row: profiles.Row) -> str:
    kind = "tenant file" if row.profile.read_only else "hidden by the tenant file" if row.hidden else "made here"
    return f"{kind}, default" if row.is_default else kind


def _data(row: profiles.Row) -> dict[str, Any]:
    return {
        "name": row.profile.name,
        "mail_access": sorted(row.profile.mail_access),
        "accounts": row.accounts,
        "read_only": row.profile.read_only,
        "default": row.is_default,
        "hidden": row.hidden,
        "version": row.version,
        "changed_at": row.changed_at,
        "changed_by": row.changed_by,
        **profiles.seen(row.profile),
    }
