"""What the verbs of ``cgappliance account`` share that bring accounts at Google to what the tenant file wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cgappliance.admin import newcomer, provision
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import NameOf, Need, Provisioned
from cgappliance.administration import GoogleAdministration, GoogleRefused
from cgappliance.cli.common import State, print_table
from cgappliance.cli.desk import vault_of
from cgappliance.cli.outside import kinds, open_directory, open_google, watched
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant

create_google_users_option = click.option(
    "--create-google-users", is_flag=True, help="Make users that are missing at Google; each may cost a licence."
)
revoke_app_passwords_option = click.option(
    "--revoke-app-passwords", is_flag=True, help="Set Google passwords although Google then revokes users' app passwords."
)


@dataclass(frozen=True, slots=True)
class GoogleRun:
    """One run of a command."""

    state: State
    desk: Desk
    tenant: Tenant
    dry_run: bool
    create: bool
    revoke: bool

    def bring(self, addresses: Sequence[str] | None, planned: Mapping[str, str], name_of: NameOf) -> list[Provisioned]:
        """Bring accounts to what the tenant file wants. Raises: as ``provision.find_needs`` and ``carry_out``."""
        with open_google(self.tenant) as google:
            return self._bring(google, addresses, planned, name_of)

    def bring_new(self, new: Mapping[str, str]) -> list[Provisioned]:
        """Bring accounts that were just made, where the tenant file wants something of them.

        What goes wrong does not undo the accounts: it is the problem of all of them.

        Args:
            new: addresses with their profiles; in a dry run there are no accounts of them yet.
        """
        if not new:
            return []
        addresses, planned = ([], new) if self.dry_run else (list(new), {})
        try:
            if not self.create and not newcomer.wants_any(self.tenant, open_google):
                return []
            return self.bring(addresses, planned, names_of(self.tenant))
        except CgapplianceError as error:
            return [Provisioned(address, problem=str(error)) for address in new]

    def _bring(
        self, google: GoogleAdministration, addresses: Sequence[str] | None, planned: Mapping[str, str], name_of: NameOf
    ) -> list[Provisioned]:
        needs = provision.find_needs(self.desk, self.tenant, google, addresses, create=self.create, planned=planned)
        return [_foreseen(need) for need in needs] if self.dry_run else self._carry_out(google, needs, name_of)

    def _carry_out(self, google: GoogleAdministration, needs: Sequence[Need], name_of: NameOf) -> list[Provisioned]:
        """Do it, and return what is done also when Google stops it half-way."""
        who = (self.desk, self.tenant, google)
        vault, revoke = vault_of(self.state), self.revoke
        running = provision.carry_out(*who, needs, vault=vault, name_of=name_of, revoke_app_passwords=revoke)
        done: list[Provisioned] = []
        try:
            for one in watched(running, "Provisioning at Google", len(needs)):
                done.append(one)  # noqa: PERF402 - what came before a failure is shown too
        except GoogleRefused as refused:
            stopped = f"stopped after {len(done)} of {len(needs)} accounts: {refused}"
            done.append(Provisioned(needs[len(done)].address, problem=stopped))
        return done


def _foreseen(need: Need) -> Provisioned:
    wanted = (("create", need.create), ("set password", need.set_password), ("look at POP and IMAP", need.look_at_mail))
    return Provisioned(need.address, [word for word, is_needed in wanted if is_needed], need.problem)


def google_data(one: Provisioned) -> dict[str, Any]:
    """Return what became of one account, for programs."""
    return {"address": one.address, "done": list(one.done), "problem": one.problem}


def show_google(done: Sequence[Provisioned], *, dry_run: bool) -> None:
    """Print what became of accounts, for people."""
    rows = [(one.address, ", ".join(one.done) or "-", one.problem or "-") for one in done if one.done or one.problem]
    if rows:
        print_table(("ADDRESS", "WOULD BE DONE AT GOOGLE" if dry_run else "DONE AT GOOGLE", "PROBLEM"), rows)
    else:
        click.echo("nothing to do at Google")


def names_of(tenant: Tenant) -> NameOf:
    """Return what looks names up in the directory, one by one, where it can be read."""
    if kinds().backends[tenant.auth.name].directory is None:
        return provision.named(lambda _: None)

    def find(address: str) -> tuple[str, str] | None:
        with open_directory(tenant) as directory:
            entry = directory.find(address)
        return None if entry is None else (entry.given_name, entry.family_name)

    return provision.named(find)
