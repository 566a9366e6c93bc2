"""``cgappliance account``: who may use the appliance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cgappliance.admin import account_csv, accounts
from cgappliance.admin.provision import Provisioned
from cgappliance.cli import account_people, account_sync
from cgappliance.cli.account_google import (
    GoogleRun,
    create_google_users_option,
    google_data,
    revoke_app_passwords_option,
    show_google,
)
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import local_time, open_desk, tenant_argument, tenant_named, write_chunks
from cgappliance.model import Tenant
from cgappliance.store.accounts import Filter

_address = click.argument("address", metavar="ADDRESS")
_addresses = click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)

LIST_LIMIT = 1000  #: accounts that ``list`` shows at a time; ``--after`` goes on


@click.group()
def command() -> None:
    """Show and change the accounts of a tenant."""


for _verb in (
    account_people.create,
    account_people.enable,
    account_people.disable,
    account_people.delete,
    account_people.initial_password,
    account_sync.sync,
    account_sync.provision_accounts,
    account_sync.show_mail_access,
):
    command.add_command(_verb)


@command.command("list")
@tenant_argument
@click.option("--search", default="", metavar="TEXT", help="Addresses that contain this.")
@click.option("--profile", metavar="NAME", help='Accounts that were given this profile; "": the default.')
@click.option("--enabled/--disabled", default=None, help="Only enabled, or only disabled ones.")
@click.option("--locked", is_flag=True, help="Only those that wrong passwords have locked.")
@click.option("--after", default="", metavar="ADDRESS", help="Those behind this address.")
@click.option("--limit", type=click.IntRange(1, LIST_LIMIT), default=LIST_LIMIT, metavar="N", help="At most so many.")
@config_option()
@json_option
@pass_state
def list_accounts(state: State, /, tenant: str, *, as_json: bool, locked: bool, after: str, limit: int, **where: Any) -> None:
    """List accounts by address, with the profile that applies."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        chosen = Filter(**where, locked_at=desk.now() if locked else None)
        rows = accounts.listing(desk, found, chosen, limit=limit, after=after)
        seats = accounts.count_seats(desk, found)
    if as_json:
        print_json({"accounts": [_row(row) for row in rows], "seats_used": seats.used, "seats": seats.contracted})
        return
    cells = [(row.account.address, row.profile or "-", _state(row), row.account.google_state) for row in rows]
    print_table(("ADDRESS", "PROFILE", "STATE", "GOOGLE"), cells)
    click.echo(f"{len(rows)} accounts shown; {seats.used} of {seats.contracted or 'unlimited'} seats used")


@command.command("show")
@tenant_argument
@_address
@config_option()
@json_option
@pass_state
def show_account(state: State, tenant: str, address: str, as_json: bool) -> None:
    """Show what is known of an account, its last logins included."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        details = accounts.show(desk, found, address)
    data = {
        **_row(details.row),
        "last_logins": [asdict(last) for last in details.last_logins],
        "credentials": [asdict(secret) for secret in details.credentials],
    }
    if as_json:
        print_json(data)
        return
    _print_details(data, found)


def _print_details(data: Mapping[str, Any], tenant: Tenant) -> None:
    zone = tenant.timezone
    for name, value in data.items():
        if name not in ("last_logins", "credentials"):
            shown = local_time(value, zone) if name in ("created_at", "changed_at", "locked_until") else value
            click.echo(f"{name}: {'-' if shown in ('', None) else shown}")
    for last in data["last_logins"]:
        success = f"success {local_time(last['success_at'], zone)} from {last['success_ip'] or '-'}"
        failure = f"failure {local_time(last['failure_at'], zone)} from {last['failure_ip'] or '-'}"
        click.echo(f"last {last['protocol']}: {success}; {failure} ({last['failure_reason'] or '-'})")
    for secret in data["credentials"]:
        click.echo(f"credential: {secret['kind']} ({secret['state']}), set {local_time(secret['created_at'], zone)}")


@command.command("unlock")
@tenant_argument
@_addresses
@config_option()
@json_option
@pass_state
def unlock_accounts(state: State, tenant: str, addresses: tuple[str, ...], as_json: bool) -> None:
    """Forget the wrong passwords that count against addresses, and let them log in again."""
    with open_desk(state) as desk:
        unlocked = accounts.unlock(desk, tenant_named(state, desk.store, tenant), addresses)
    done = {address: address in unlocked for address in map(accounts.normalised, addresses)}
    tell(
        [{"address": address, "unlocked": was_locked} for address, was_locked in done.items()],
        *(f"{address}: {'unlocked' if was_locked else 'nothing counted against it'}" for address, was_locked in done.items()),
        as_json=as_json,
    )


@command.command("rename")
@tenant_argument
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@config_option()
@json_option
@pass_state
def rename_account(state: State, tenant: str, old: str, new: str, as_json: bool) -> None:
    """Give the account OLD the address NEW. Profile and credentials stay with it, its history under the old address."""
    with open_desk(state) as desk:
        renamed = accounts.rename(desk, tenant_named(state, desk.store, tenant), old, new)
    before = accounts.normalised(old)
    due = [f"{renamed.address}: its Google password must be set anew ('cgappliance credential reset')"] if renamed.reset_due else []
    data = {"before": before, "address": renamed.address, "reset_due": renamed.reset_due}
    tell(data, f"{before}: now {renamed.address}", *due, as_json=as_json)


@command.command("export")
@tenant_argument
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default: standard output.")
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, for Excel.")
@config_option()
@pass_state
def export_accounts(state: State, tenant: str, output: Path | None, bom: bool) -> None:
    """Write all accounts as CSV, to be edited and read by import."""
    with open_desk(state) as desk:
        write_chunks(account_csv.export(desk, tenant_named(state, desk.store, tenant), bom=bom), output)


@command.command("import")
@tenant_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option(
    "--google/--no-google", default=True, help="Provision new accounts at Google, if the tenant file wants something there."
)
@create_google_users_option
@revoke_app_passwords_option
@config_option()
@json_option
@pass_state
@click.pass_context
def import_accounts(
    context: click.Context, state: State, /, tenant: str, file: Path, *, dry_run: bool, as_json: bool, **at_google: bool
) -> None:
    """Do what the column "operation" of a CSV file says: CREATE, UPDATE, DELETE; all of it, or nothing when a line is wrong.

    Accounts that are new and enabled then get at Google what the tenant file wants, such as a random password. The exit status is
    1 when a line is wrong, and also when the accounts were made and something at Google was left undone.
    """
    with file.open("rb") as opened:
        content = opened.read(account_csv.BYTES_MAX + 1)
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        done = account_csv.load(desk, found, content, dry_run=dry_run, source=file.name)
        run = GoogleRun(state, desk, found, dry_run, at_google["create_google_users"], at_google["revoke_app_passwords"])
        provided = run.bring_new(account_csv.enabled_and_new(done)) if at_google["google"] else []
    if as_json:
        print_json({"lines": [asdict(line) for line in done], "google": [google_data(one) for one in provided]})
    else:
        _show_import(done, provided, dry_run=dry_run)
    context.exit(EXIT_PROBLEMS if any(one.problem for one in provided) else 0)


def _show_import(done: Sequence[account_csv.Done], provided: Sequence[Provisioned], *, dry_run: bool) -> None:
    for line in done:
        changes = ", ".join(f"{name}: {line.before.get(name, '-')} -> {line.after.get(name, '-')}" for name in _names(line))
        click.echo(f"line {line.line}: {line.operation.lower()} {line.address}" + (f" ({changes})" if changes else ""))
    click.echo(f"{len(done)} lines {'would be ' if dry_run else ''}done")
    if provided:
        show_google(provided, dry_run=dry_run)


def _names(line: account_csv.Done) -> list[str]:
    """Return what is different, for a line that updates; what is created or deleted needs no list."""
    return sorted({*line.before, *line.after}) if line.before and line.after else []


def _row(row: accounts.Row) -> dict[str, Any]:
    data = asdict(row.account)
    for hidden in ("id", "uid", "version"):
        del data[hidden]
    return {**data, "own_profile": data["profile"], "profile": row.profile, "locked_until": row.locked_until}


def _state(row: accounts.Row) -> str:
    if not row.account.enabled:
        return f"disabled by {row.account.disabled_by}" if row.account.disabled_by else "disabled"
    return "locked" if row.locked_until else "enabled"
