"""What accounts need at Google, found out and done: the user itself, its random password, POP and IMAP (manual 2.1.1 to 2.1.4).

Nothing at Google is ever deleted. A user is made with a password that nobody knows, and then gets the one that the appliance keeps
by the same steps as any reset: whatever moment the process dies at, the next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cgappliance.admin import credentials as desk_credentials
from cgappliance.admin import mail_access
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, GoogleFault, GoogleRefused, GoogleUser, NewGoogleUser
from cgappliance.model import Tenant
from cgappliance.policy.profile import effective_profile
from cgappliance.store import accounts, credentials, profiles
from cgappliance.store.accounts import Account, GoogleState
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Connection
from cgappliance.store.errors import KeyProblem, RecordConflict, StoreError, StoreUnavailable
from cgappliance.store.vault import Vault

#: More accounts than this are looked up by listing all users, 500 a request, instead of one by one.
SINGLE_LOOKUPS: Final = 20

#: Given and family name of somebody, for a new user at Google.
NameOf = Callable[[str], tuple[str, str]]


def named(find: Callable[[str], tuple[str, str] | None]) -> NameOf:
    """Return what names somebody for Google, which wants both names: the part before the @ stands for one that is not known."""

    def name_of(address: str) -> tuple[str, str]:
        given_name, family_name = find(address) or ("", "")
        local = address.partition("@")[0]
        return given_name or local, family_name or local

    return name_of


@dataclass(frozen=True, slots=True)
class Need:
    """What one account needs at Google."""

    address: str
    account: Account | None  #: None: it is planned, and not there yet
    user: GoogleUser | None  #: None: it is missing
    create: bool = False
    set_password: bool = False
    look_at_mail: bool = False  #: POP and IMAP are switched on where they are off
    problem: str = ""  #: what keeps the appliance from doing anything about it

    @property
    def anything(self) -> bool:
        """Whether there is something to do."""
        return self.create or self.set_password or self.look_at_mail


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What became of one need."""

    address: str
    done: Sequence[str] = field(default_factory=list)  #: "created", "password set", "IMAP on", "POP on"
    problem: str = ""


def find_needs(
    desk: Desk,
    tenant: Tenant,
    google: GoogleAdministration,
    addresses: Sequence[str] | None,
    *,
    create: bool,
    planned: Mapping[str, str] = MappingProxyType({}),
) -> list[Need]:
    """Return what accounts need at Google, and note what is known of their users. Blocks cooperatively.

    Args:
        desk: who asks.
        tenant: whose accounts.
        google: the tenant's customer.
        addresses: of accounts; None: all that are enabled, of whom those without mail access need no user at Google.
        create: whether users that are missing are to be made.
        planned: addresses that are to become accounts, with their profiles, for a dry run.

    Raises:
        RecordMissing: there is no account of one of the addresses.
        GoogleRefused: Google cannot be asked.
    """
    with desk.store.read() as connection:
        if addresses is None:
            chosen = list(accounts.walk(connection, tenant.id, accounts.Filter(enabled=True)))
        else:
            chosen = [accounts.get(connection, tenant.id, address) for address in addresses]
        kept = {account.address: _Kept.of(connection, account) for account in chosen}
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
    known: dict[str, Account | None] = {**dict.fromkeys(planned), **{account.address: account for account in chosen}}
    own = {**planned, **{account.address: account.profile for account in chosen}}
    users = _users(google, list(known))
    needs = []
    for address, account in known.items():
        profile = effective_profile(tenant, own[address], made)
        needs_user = addresses is not None or (profile is not None and bool(profile.mail_access))
        case = _Case(address, account, users.get(address), kept.get(address, _Kept()), needs_user)
        needs.append(_need(google, case, create=create))
    _note_states(desk, needs)
    return needs


def carry_out(
    desk: Desk,
    tenant: Tenant,
    google: GoogleAdministration,
    needs: Sequence[Need],
    *,
    vault: Vault,
    name_of: NameOf,
    revoke_app_passwords: bool = False,
) -> Iterator[Provisioned]:
    """Do what is needed, one account after the other, and yield what became of each. Blocks cooperatively.

    Args:
        desk: who does it.
        tenant: whose accounts.
        google: the tenant's customer.
        needs: from ``find_needs``.
        vault: encrypts passwords.
        name_of: names of users to be made.
        revoke_app_passwords: set passwords although Google then revokes users' app passwords.

    Raises:
        GoogleRefused: for a reason that all others would meet too; those before are done.
        StoreUnavailable, KeyProblem: likewise.
    """
    for need in needs:
        if need.problem or not need.anything:
            yield Provisioned(need.address, problem=need.problem)
            continue
        yield _Task(desk, tenant, google, need, vault, revoke_app_passwords).run(name_of)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store has of an account's credentials."""

    managed: bool = False  #: a password that Google certainly has
    undecided: bool = False  #: one that Google may have

    @classmethod
    def of(cls, connection: Connection, account: Account) -> _Kept:
        states = {sealed.state for sealed in credentials.of_account(connection, account.id, Kind.MANAGED_PASSWORD)}
        return cls(State.CURRENT in states, State.PENDING in states)


def _users(google: GoogleAdministration, addresses: Sequence[str]) -> Mapping[str, GoogleUser]:
    """Return Google's users of addresses; an alias leads to a user of another address."""
    if len(addresses) > SINGLE_LOOKUPS:
        found = {user.address: user for page in google.users() for user in page}
        wanted = [address for address in addresses if address not in found]  # missing, or an alias
    else:
        found, wanted = {}, list(addresses)
    return found | {address: user for address in wanted if (user := google.find(address)) is not None}


@dataclass(frozen=True, slots=True)
class _Case:
    """What is known of one address before its need is."""

    address: str
    account: Account | None
    user: GoogleUser | None
    kept: _Kept
    needs_user: bool  #: it has mail access, or was named


def _need(google: GoogleAdministration, case: _Case, *, create: bool) -> Need:
    setup, address, account, user = google.setup, case.address, case.account, case.user
    locks = setup.sets_passwords and address != setup.admin
    if user is None:
        makes = create and case.needs_user
        problem = "does not exist at Google" if case.needs_user and not create else ""
        return Need(address, account, None, makes, locks and makes, setup.enables_mail_access and makes, problem)
    if user.address != address:
        why = f"is an alias of {user.address} at Google: mail clients must log in with that address"
        return Need(address, account, user, problem=why)
    if user.suspended:
        return Need(address, account, user, problem="is suspended at Google")
    is_due = not case.kept.managed or case.kept.undecided or (account is not None and account.reset_due)
    is_new_here = account is None or account.google_state is not GoogleState.PRESENT
    return Need(address, account, user, False, locks and is_due, setup.enables_mail_access and is_new_here)


def _note_states(desk: Desk, needs: Sequence[Need]) -> None:
    """Keep what Google says of users that need nothing done; those of whom something is to be done are noted then."""
    for need in needs:
        account, known = need.account, {"google_state": _state(need), "google_id": "" if need.user is None else need.user.id}
        if account is None or need.anything or (account.google_state, account.google_id) == tuple(known.values()):
            continue
        with desk.work() as work:
            current = accounts.find(work.connection, account.tenant, account.address)
            if current is not None and current.version == account.version:
                accounts.change(work.transaction, current, by=work.actor.name, now=work.now, **known)


def _state(need: Need) -> GoogleState:
    if need.user is None or need.user.address != need.address:
        return GoogleState.MISSING
    return GoogleState.SUSPENDED if need.user.suspended else GoogleState.PRESENT


@dataclass(slots=True)
class _Task:
    """One account, brought to what it needs."""

    desk: Desk
    tenant: Tenant
    google: GoogleAdministration
    need: Need
    vault: Vault
    revoke_app_passwords: bool
    done: list[str] = field(default_factory=list)

    def run(self, name_of: NameOf) -> Provisioned:
        address = self.need.address
        try:
            user = self.need.user or self._create(address, name_of)
            if self.need.set_password:
                self._set_password(address, user)
            problem = self._look_at_mail(address) if self.need.look_at_mail else ""
            self._note(address, user, looked=not problem)
        except GoogleRefused as refused:
            if refused.fault.of_all:
                raise
            return Provisioned(address, self.done, str(refused))
        except (StoreUnavailable, KeyProblem):
            raise
        except StoreError as error:
            return Provisioned(address, self.done, str(error))
        return Provisioned(address, self.done, problem)

    def _create(self, address: str, name_of: NameOf) -> GoogleUser:
        given_name, family_name = name_of(address)
        user = self.google.create(NewGoogleUser(address, given_name, family_name))
        with self.desk.work() as work:
            work.log(self.tenant.id, "google.create", address, after={"id": user.id, "name": f"{given_name} {family_name}"})
        self.done.append("created")
        return user

    def _set_password(self, address: str, user: GoogleUser) -> None:
        """Set the random password; not where Google would revoke app passwords for it, unless that is confirmed."""
        if user.two_step and not self.revoke_app_passwords:
            count = len(self.google.app_passwords(user.id))
            if count:
                raise RecordConflict(
                    f"{address} has {count} app passwords, which Google revokes when the password changes "
                    "(confirm with --revoke-app-passwords)"
                )
        revoke = self.revoke_app_passwords
        desk_credentials.reset(self.desk, self.tenant, address, self.vault, self.google, revoke_app_passwords=revoke)
        self.done.append("password set")

    def _look_at_mail(self, address: str) -> str:
        """Switch POP and IMAP on, and return what is still wrong then."""
        try:
            looked = mail_access.enable(self.desk, self.tenant, self.google, address)
        except GoogleRefused as refused:
            if refused.fault is GoogleFault.NO_MAILBOX and self.need.create:
                return "its mailbox is not there yet: POP and IMAP are looked at by the next run, some minutes from now"
            raise
        self.done.extend(f"{name} on" for name in looked.switched_on)
        return looked.advice

    def _note(self, address: str, user: GoogleUser, *, looked: bool) -> None:
        """Keep that the user is there; one whose POP and IMAP are still to be looked at counts as not known."""
        known = {"google_id": user.id, "google_state": GoogleState.PRESENT if looked else GoogleState.UNKNOWN}
        with self.desk.work() as work:
            current = accounts.get(work.connection, self.tenant.id, address)
            if (current.google_id, current.google_state) != tuple(known.values()):
                accounts.change(work.transaction, current, by=work.actor.name, now=work.now, **known)
