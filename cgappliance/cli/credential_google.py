"""``cgappliance credential reset | set | app-passwords | revoke``: what is done about credentials together with Google."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Final

import click

from cgappliance.admin import accounts, credentials, trial
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, GoogleUser
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import local_time, open_desk, tenant_argument, tenant_named, vault_of
from cgappliance.cli.outside import open_google
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store.errors import RecordMissing

#: Characters of a typed app password, its blanks included: more than Google shows.
TYPED_MAX: Final = 64

_address = click.argument("address", metavar="ADDRESS")


@click.command()
@tenant_argument
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--revoke-app-passwords", is_flag=True, help="Although Google then revokes the app password that the account uses.")
@config_option()
@json_option
@pass_state
@click.pass_context
def reset(
    context: click.Context, state: State, /, tenant: str, addresses: tuple[str, ...], *, revoke_app_passwords: bool, as_json: bool
) -> None:
    """Give accounts new random passwords at Google, which only the appliance knows.

    Google may log the users out of the browser, and revokes their app passwords. Never done to the API administrator. The exit
    status is 1 when one of them could not be reset.
    """
    problems: dict[str, str] = {}
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        vault = vault_of(state)
        with open_google(found) as google:
            for address in addresses:
                try:
                    credentials.reset(desk, found, address, vault, google, revoke_app_passwords=revoke_app_passwords)
                except CgapplianceError as error:
                    problems[address] = str(error)
                if not as_json:
                    click.echo(problems.get(address) or f"{address}: password reset")
    if as_json:
        print_json([{"address": address, "problem": problems.get(address, "")} for address in addresses])
    context.exit(EXIT_PROBLEMS if problems else 0)


@click.command("set")
@tenant_argument
@_address
@click.option("--stdin", "from_stdin", is_flag=True, help="Take the app password from the first line of standard input.")
@config_option()
@json_option
@pass_state
def set_app_password(state: State, tenant: str, address: str, from_stdin: bool, as_json: bool) -> None:
    """Keep an app password that the user has made at Google, if Gmail takes it. Its blanks do not count."""
    typed = _from_stdin() if from_stdin else Secret(click.prompt("App password", hide_input=True))
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        verify = partial(trial.try_password, found)
        credentials.set_app_password(desk, found, address, typed, vault=vault_of(state), verify=verify)
    normalised = accounts.normalised(address)
    tell({"address": normalised}, f"{normalised}: Gmail takes it; kept", as_json=as_json)


@click.command("app-passwords")
@tenant_argument
@_address
@config_option()
@json_option
@pass_state
def list_app_passwords(state: State, tenant: str, address: str, as_json: bool) -> None:
    """List the app passwords that an account's user has at Google."""
    with _at_google(state, tenant, address) as (found, _desk, google, user):
        listed = google.app_passwords(user.id)
    if as_json:
        print_json([asdict(one) for one in listed])
        return
    zone = found.timezone
    rows = [(str(one.code_id), local_time(one.created_at, zone), local_time(one.last_used_at, zone), one.name) for one in listed]
    print_table(("CODE", "CREATED", "LAST USED", "NAME"), rows)


@click.command()
@tenant_argument
@_address
@click.argument("code", type=int, metavar="CODE")
@config_option()
@json_option
@pass_state
def revoke(state: State, tenant: str, address: str, code: int, as_json: bool) -> None:
    """Make an app password useless at Google; CODE is that of the list."""
    with _at_google(state, tenant, address) as (found, desk, google, user):
        credentials.revoke_app_password(desk, found, user, code, google)
    done = f"{user.address}: app password {code} revoked (if it is the one kept here: 'cgappliance credential forget')"
    tell({"address": user.address, "code_id": code}, done, as_json=as_json)


@contextmanager
def _at_google(state: State, tenant: str, address: str) -> Iterator[tuple[Tenant, Desk, GoogleAdministration, GoogleUser]]:
    """Lend tenant, desk, Google customer and the user of an account.

    Raises:
        RecordMissing: there is no such account, or no such user.
    """
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        account = accounts.show(desk, found, address).row.account
        with open_google(found) as google:
            user = google.find(account.address)
            if user is None:
                raise RecordMissing(f"{account.address} does not exist at Google")
            yield found, desk, google, user


def _from_stdin() -> Secret:
    line = sys.stdin.readline(TYPED_MAX + 1)
    if len(line) > TYPED_MAX:
        raise CgapplianceError(f"credential: the app password is longer than {TYPED_MAX} characters")
    return Secret(line.rstrip("\r\n"))
