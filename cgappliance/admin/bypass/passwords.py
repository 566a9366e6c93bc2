"""Whose Google password it is: the appliance's, which nobody knows, or somebody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cgappliance.admin.bypass.findings import Finding, State, Way, about
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, GoogleUser
from cgappliance.model import Tenant
from cgappliance.store import accounts, credentials
from cgappliance.store.accounts import Account
from cgappliance.store.credentials import Kind
from cgappliance.store.credentials import State as Sureness

_RESET: Final = "run 'cgappliance credential reset' for them, or press 'Reset the Google password' on the account's page"
_LOCK: Final = "set lock_password = true in [google], and run 'cgappliance account provision --all'"
_NO_APP_PASSWORDS: Final = "use the provider service-account with lock_password = true: a new Google password revokes app passwords"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the database knows."""

    accounts: Sequence[Account]
    sure: frozenset[int]  #: ids of accounts whose password Google has certainly taken
    unsure: frozenset[int]  #: and of those where it may have


def look_at_passwords(
    desk: Desk, tenant: Tenant, google: GoogleAdministration, users: Mapping[str, GoogleUser]
) -> Iterator[Finding]:
    """Yield whose Google password is not the appliance's. Asks nobody but the database.

    Args:
        desk: who asks.
        tenant: whose accounts.
        google: what its file says of it.
        users: of Google that can log in, by address.
    """
    if not google.setup.sets_passwords:
        yield _of_the_people(tenant)
        return
    kept = _kept(desk, tenant)
    yield from _of_accounts(kept, google, users)
    known = {account.address for account in kept.accounts}
    strangers = sorted(users.keys() - known - {google.setup.admin})
    if strangers:
        sentence = f"users at Google whom the appliance has no account of, and whose passwords it does not know: {len(strangers)}"
        remedy = "make accounts for them ('cgappliance account sync'), suspend them at Google, or know why they are there"
        yield about(Way.PASSWORDS, State.WATCH, sentence, remedy, strangers)


def _of_the_people(tenant: Tenant) -> Finding:
    if tenant.google.settings.get("passwords_file"):
        sentence = "the Google passwords come from a file of the operator: whether others know them cannot be seen from here"
        return Finding(Way.PASSWORDS, State.UNSEEN, sentence, "ask whoever made the passwords of passwords_file")
    sentence = "the people's Google passwords are their own: with them they let any program in at Google"
    remedy = _NO_APP_PASSWORDS if tenant.google.name == "app-password" else _LOCK
    return Finding(Way.PASSWORDS, State.OPEN, sentence, remedy)


def _of_accounts(kept: _Kept, google: GoogleAdministration, users: Mapping[str, GoogleUser]) -> Iterator[Finding]:
    can = [account for account in kept.accounts if account.address in users and account.address != google.setup.admin]
    unknown = [account.address for account in can if account.reset_due or account.id not in kept.sure | kept.unsure]
    pending = [account.address for account in can if account.id in kept.unsure and account.address not in unknown]
    if unknown:
        sentence = f"accounts whose Google password the appliance has not set: {len(unknown)}"
        yield about(Way.PASSWORDS, State.OPEN, sentence, _RESET, unknown)
    if pending:
        sentence = f"accounts of which it is not known whether Google has the appliance's password: {len(pending)}"
        yield about(Way.PASSWORDS, State.WATCH, sentence, _RESET, pending)
    if not unknown and not pending:
        yield Finding(Way.PASSWORDS, State.CLOSED, f"accounts whose Google password only the appliance knows: {len(can)}")


def _kept(desk: Desk, tenant: Tenant) -> _Kept:
    with desk.store.read() as connection:
        return _Kept(
            list(accounts.walk(connection, tenant.id)),
            credentials.holders(connection, tenant.id, Kind.MANAGED_PASSWORD, Sureness.CURRENT),
            credentials.holders(connection, tenant.id, Kind.MANAGED_PASSWORD, Sureness.PENDING),
        )
