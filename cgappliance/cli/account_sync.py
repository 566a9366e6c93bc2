"""``cgappliance account sync | provision | mail-access``: accounts brought into agreement with the directory and with Google."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from cgappliance.admin import directory_sync, mail_access, provision
from cgappliance.admin.directory_sync import Done
from cgappliance.admin.provision import Provisioned
from cgappliance.admin.sync_plan import Action, Plan, Step
from cgappliance.administration import DirectoryEntry
from cgappliance.cli.account_google import (
    GoogleRun,
    create_google_users_option,
    google_data,
    names_of,
    revoke_app_passwords_option,
    show_google,
)
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.cli.desk import open_desk, tenant_argument, tenant_named
from cgappliance.cli.outside import open_directory, open_google, watched

_dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")


@click.command()
@tenant_argument
@_dry_run
@click.option("--allow-mass-disable", is_flag=True, help="Although suspiciously many people have left the directory.")
@click.option("--google", "with_google", is_flag=True, help="Then provision all enabled accounts at Google.")
@create_google_users_option
@revoke_app_passwords_option
@config_option()
@json_option
@pass_state
@click.pass_context
def sync(context: click.Context, state: State, /, tenant: str, *, as_json: bool, **options: Any) -> None:
    """Make the accounts agree with the directory.

    Who is new there becomes an account, with the profile of policy.profile_by_group or policy.profile_attribute; who is gone or
    switched off there is switched off here, and never deleted. The exit status is 1 when something was left undone that somebody
    has to see to.
    """
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        run = GoogleRun(state, desk, found, options["dry_run"], options["create_google_users"], options["revoke_app_passwords"])
        with open_directory(found) as directory:
            pages = watched(directory_sync.read(directory, found), "Reading the directory, pages")
            entries = [entry for page in pages for entry in page]
        planned = directory_sync.plan(desk, found, entries)
        done = _sync(run, planned, confirmed=options["allow_mass_disable"])
        at_google = _behind_sync(run, entries, planned) if options["with_google"] or options["create_google_users"] else []
    report = _Report(planned, done, at_google, dry_run=options["dry_run"])
    print_json(report.data()) if as_json else report.show()
    context.exit(EXIT_PROBLEMS if report.problems else 0)


def _sync(run: GoogleRun, planned: Plan, *, confirmed: bool) -> list[Done]:
    if run.dry_run:
        return [Done(step, "") for step in planned.steps]
    steps = directory_sync.carry_out(run.desk, run.tenant, planned, confirmed=confirmed)
    return list(watched(steps, "Changing accounts", len(planned.steps)))


def _behind_sync(run: GoogleRun, entries: Sequence[DirectoryEntry], planned: Plan) -> list[Provisioned]:
    """Provision all enabled accounts; in a dry run those too that the sync would make."""
    new = {step.address: step.values["profile"] for step in planned.steps if step.action is Action.ADD and step.values["enabled"]}
    names = {entry.address.lower(): (entry.given_name, entry.family_name) for entry in entries}
    return run.bring(None, new if run.dry_run else {}, provision.named(names.get))


@click.command("provision")
@tenant_argument
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="All enabled accounts.")
@_dry_run
@create_google_users_option
@revoke_app_passwords_option
@config_option()
@json_option
@pass_state
@click.pass_context
def provision_accounts(
    context: click.Context, state: State, /, tenant: str, addresses: tuple[str, ...], *, as_json: bool, **options: Any
) -> None:
    """Bring accounts at Google to what the tenant file wants: the user itself, its random password, POP and IMAP.

    Nothing at Google is ever deleted. The exit status is 1 when something was left undone.
    """
    if bool(addresses) == options["everybody"]:
        raise click.UsageError("Name addresses, or say --all.")
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        run = GoogleRun(state, desk, found, options["dry_run"], options["create_google_users"], options["revoke_app_passwords"])
        done = run.bring(addresses or None, {}, names_of(found))
    if as_json:
        print_json([google_data(one) for one in done])
    else:
        show_google(done, dry_run=options["dry_run"])
    context.exit(EXIT_PROBLEMS if any(one.problem for one in done) else 0)


@click.command("mail-access")
@tenant_argument
@click.argument("address", metavar="ADDRESS")
@click.option("--enable", is_flag=True, help="Switch on what the tenant offers and the user has off.")
@config_option()
@json_option
@pass_state
@click.pass_context
def show_mail_access(context: click.Context, state: State, /, tenant: str, address: str, *, enable: bool, as_json: bool) -> None:
    """Show whether POP and IMAP are on at Google for an account.

    The exit status is 1 when something that the tenant offers is off.
    """
    with open_desk(state) as desk:
        found = tenant_named(state, desk.store, tenant)
        with open_google(found) as google:
            looked = mail_access.enable(desk, found, google, address) if enable else mail_access.look(found, google, address)
    if as_json:
        access = looked.access
        data = {"imap": access.imap, "pop": access.pop, "pop_disposition": access.pop_disposition, "advice": looked.advice}
        print_json({**data, "switched_on": looked.switched_on})
    else:
        for name, is_on in (("IMAP", looked.access.imap), ("POP", looked.access.pop)):
            click.echo(f"{name}: {'on' if is_on else 'off'}{' (switched on now)' if name in looked.switched_on else ''}")
        if looked.advice:
            click.echo(looked.advice)
    context.exit(EXIT_PROBLEMS if looked.still_off else 0)


class _Report:
    """What a sync did, or would do."""

    def __init__(self, planned: Plan, done: Sequence[Done], at_google: Sequence[Provisioned], *, dry_run: bool) -> None:
        self._planned, self._done, self._google, self._dry_run = planned, done, at_google, dry_run
        undone = [f"{left.address}: {left.why}" for left in planned.left_alone if left.is_problem]
        failed = [f"{one.step.address}: {one.problem}" for one in done if one.problem]
        suspicious = f"{planned.vanished} accounts would be switched off at once (it needs --allow-mass-disable)"
        self.problems = [
            *([suspicious] if planned.mass_disable and dry_run else []),
            *undone,
            *failed,
            *(f"{one.address}: {one.problem}" for one in at_google if one.problem),
        ]

    def data(self) -> dict[str, Any]:
        return {
            "dry_run": self._dry_run,
            "entries": self._planned.entries,
            "steps": [{**_step_data(one.step), "problem": one.problem} for one in self._done],
            "left_alone": [
                {"address": left.address, "why": left.why, "is_problem": left.is_problem} for left in self._planned.left_alone
            ],
            "google": [google_data(one) for one in self._google],
            "problems": self.problems,
        }

    def show(self) -> None:
        steps = [one.step for one in self._done if not one.problem]
        if steps:
            print_table(("ACTION", "ADDRESS", "WHY"), [(step.action, step.address, _why(step)) for step in steps])
        if self._google:
            show_google([one for one in self._google if one.done], dry_run=self._dry_run)
        for problem in self.problems:
            click.echo(problem)
        others = sum(not left.is_problem for left in self._planned.left_alone)
        click.echo(
            f"{self._planned.entries} entries read, {others} of them without an address of this tenant; "
            f"{len(steps)} accounts {'would be ' if self._dry_run else ''}changed, {len(self.problems)} problems"
        )


def _why(step: Step) -> str:
    profile = step.values.get("profile") if step.action is Action.ADD else None
    return f"{step.why} (profile {profile!r}, by the directory)" if profile else step.why


def _step_data(step: Step) -> dict[str, Any]:
    before = {} if step.account is None else {name: getattr(step.account, name) for name in step.values}
    return {"action": step.action, "address": step.address, "why": step.why, "before": before, "after": dict(step.values)}
