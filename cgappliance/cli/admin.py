"""``cgappliance admin``: the local administrators of a tenant's admin site."""

from __future__ import annotations

import sys

import click

from cgappliance.admin import administrators
from cgappliance.admin.administrators import PASSWORD_MAX_CHARS, Enrolment, Role
from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import local_time, one_of, open_desk, tenant_argument, tenant_named, vault_of
from cgappliance.errors import CgapplianceError
from cgappliance.secret import Secret

_name = click.argument("name", metavar="NAME")
_stdin = click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def command() -> None:
    """Show and change the local administrators of a tenant's admin site."""


@command.command("list")
@tenant_argument
@config_option()
@json_option
@pass_state
def list_administrators(state: State, tenant: str, as_json: bool) -> None:
    """List the local administrators of TENANT. Members of a directory group are not among them."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        rows = administrators.listing(desk, found)
    if as_json:
        shown = ("name", "role", "created_at", "changed_at", "changed_by", "last_login_at")
        print_json([{**{name: getattr(row, name) for name in shown}, "second_factor": row.totp_secret is not None} for row in rows])
        return
    cells = [
        (row.name, row.role.value, "yes" if row.totp_secret else "no", local_time(row.last_login_at, found.timezone))
        for row in rows
    ]
    print_table(("NAME", "ROLE", "SECOND FACTOR", "LAST LOGIN"), cells)


@command.command("create")
@tenant_argument
@_name
@click.option("--role", type=one_of(Role), default=Role.ADMINISTRATOR.value, show_default=True, help="What NAME may do.")
@click.option("--totp", is_flag=True, help="With a second factor; its secret is printed once.")
@_stdin
@config_option()
@json_option
@pass_state
def create_administrator(state: State, tenant: str, name: str, *, role: str, totp: bool, from_stdin: bool, as_json: bool) -> None:
    """Let NAME administer TENANT in the web."""
    password = _password(from_stdin)
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        administrators.create(desk, found, name, Role(role), password)
        made = administrators.enrol(desk, found, name, vault_of(state)) if totp else None
    tell({"name": name, "role": role, "second_factor": _data(made)}, f"{name}: created, {role} of {tenant}", as_json=as_json)
    if made is not None and not as_json:
        _print_enrolment(made)


@command.command("passwd")
@tenant_argument
@_name
@_stdin
@config_option()
@json_option
@pass_state
def change_password(state: State, tenant: str, name: str, from_stdin: bool, as_json: bool) -> None:
    """Give NAME another password. Logins of NAME end, and wrong passwords are forgotten."""
    password = _password(from_stdin)
    with open_desk(state) as desk:
        administrators.set_password(desk, tenant_named(state, desk.store, tenant), name, password)
    tell({"name": name}, f"{name}: password changed", as_json=as_json)


@command.command("role")
@tenant_argument
@_name
@click.argument("role", type=one_of(Role), metavar="ROLE")
@config_option()
@json_option
@pass_state
def change_role(state: State, tenant: str, name: str, role: str, as_json: bool) -> None:
    """Give NAME another ROLE: administrator, helpdesk (reads, unlocks, resets) or auditor (reads)."""
    with open_desk(state) as desk:
        administrators.set_role(desk, tenant_named(state, desk.store, tenant), name, Role(role))
    tell({"name": name, "role": role}, f"{name}: now {role}", as_json=as_json)


@command.command("totp")
@tenant_argument
@_name
@click.option("--off", is_flag=True, help="Take the second factor away.")
@config_option()
@json_option
@pass_state
def change_totp(state: State, tenant: str, name: str, off: bool, as_json: bool) -> None:
    """Give NAME a new second factor, and print its secret once; an older one no longer works."""
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        if off:
            administrators.forget_totp(desk, found, name, vault_of(state))
        made = None if off else administrators.enrol(desk, found, name, vault_of(state))
    tell({"name": name, "second_factor": _data(made)}, *([f"{name}: no second factor any more"] if off else []), as_json=as_json)
    if made is not None and not as_json:
        _print_enrolment(made)


@command.command("remove")
@tenant_argument
@_name
@config_option()
@json_option
@pass_state
def remove_administrator(state: State, tenant: str, name: str, as_json: bool) -> None:
    """Let NAME administer TENANT no longer. Logins of NAME end."""
    with open_desk(state) as desk:
        administrators.remove(desk, tenant_named(state, desk.store, tenant), name)
    tell({"name": name}, f"{name}: removed", as_json=as_json)


def _data(made: Enrolment | None) -> dict[str, str] | None:
    """Return a second factor for programs: like for people, this is the only time that it is shown."""
    return None if made is None else {"secret": made.secret.reveal(), "uri": made.uri.reveal()}


def _print_enrolment(made: Enrolment) -> None:
    """Print a second factor for the telephone, as a QR code where there is a terminal to show it."""
    click.echo(f"secret of the second factor: {made.secret.reveal()}")
    click.echo(f"for an app that takes links: {made.uri.reveal()}")
    if sys.stdout.isatty():
        import segno  # noqa: PLC0415 - only here

        segno.make(made.uri.reveal()).terminal(compact=True)


def _password(from_stdin: bool) -> Secret:
    if not from_stdin:
        return Secret(click.prompt("Password", hide_input=True, confirmation_prompt="Once more"))
    line = sys.stdin.readline(PASSWORD_MAX_CHARS + 2)
    if len(line) > PASSWORD_MAX_CHARS + 1:
        raise CgapplianceError(f"the password is longer than {PASSWORD_MAX_CHARS} characters")
    return Secret(line.rstrip("\r\n"))
