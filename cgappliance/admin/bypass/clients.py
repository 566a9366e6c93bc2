"""Which mail programs Google lets in by itself: those that people have let in by OAuth, and those that have an app password."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import gevent

from cgappliance.admin.bypass.findings import Finding, State, Way, about
from cgappliance.admin.desk import Desk
from cgappliance.administration import ClientGrant, GoogleAdministration, GoogleRefused, GoogleUser
from cgappliance.model import Tenant
from cgappliance.store import accounts, credentials
from cgappliance.store.credentials import Kind
from cgappliance.store.credentials import State as Sureness

#: Scopes that let a program speak IMAP, POP3 or SMTP with Gmail, by the user's consent alone.
MAIL_PROTOCOLS: Final = frozenset({"https://mail.google.com/", "https://www.googleapis.com/auth/gmail.imap_admin"})
GMAIL: Final = "https://www.googleapis.com/auth/gmail."  #: begins the scopes of Gmail's own API

_DISCONNECT: Final = (
    "in Google's Admin console: Directory > Users > the user > Security > Connected applications: remove the program; "
    "a reset of the Google password ends the access too"
)
_REVOKE: Final = "revoke them in Google's Admin console: Directory > Users > the user > Security > Application-specific passwords"

#: Hears how far it is: a word for what is done, and how many are done.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of Google's time, and of ours, may be spent."""

    accounts: int
    seconds: float
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Seen:
    """What was found out about the accounts."""

    programs: list[str] = field(default_factory=list)  #: "yuki@acme.example: Thunderbird"
    readers: list[str] = field(default_factory=list)  #: programs that use Gmail's API instead of a mail protocol
    app_passwords: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  #: accounts that Google says nothing of, with why
    looked_at: int = 0
    left: int = 0  #: accounts that were not looked at: too many, or the time was over


def users_of(google: GoogleAdministration, progress: Progress) -> Mapping[str, GoogleUser]:
    """Return the Google users that can log in, by address. Blocks cooperatively.

    Raises:
        GoogleRefused: Google could not be asked, or refuses.
    """
    users: dict[str, GoogleUser] = {}
    for page in google.users():
        users.update((user.address, user) for user in page if not user.suspended)
        progress("users", len(users))
    return users


def look_at_clients(
    google: GoogleAdministration,
    own: Mapping[str, bool],
    users: Mapping[str, GoogleUser],
    bounds: Bounds,
    progress: Progress,
) -> Iterator[Finding]:
    """Yield what mail programs can do with the accounts. Blocks cooperatively, not much longer than ``bounds`` say.

    Args:
        google: to be asked, two questions an account.
        own: addresses of accounts; True: the appliance itself logs in with an app password of this one.
        users: of Google that can log in.
        bounds: when to stop.
        progress: hears how far it is.
    """
    seen = _see(google, own, users, bounds, progress)
    yield _of_programs(seen)
    if seen.readers:
        sentence = f"accounts that let a program read or send mail by Gmail's API: {len(seen.readers)}"
        yield about(Way.CLIENTS, State.WATCH, sentence, _DISCONNECT, seen.readers)
    yield _of_app_passwords(seen)
    if any(own.values()):
        sentence = "the app passwords that the appliance logs in with were made by the users, who may have kept them"
        yield Finding(Way.CLIENTS, State.WATCH, sentence, "use the provider service-account: it needs no password of anybody")
    if seen.failed:
        yield about(Way.CLIENTS, State.WATCH, f"accounts that Google says nothing of: {len(seen.failed)}", "try again", seen.failed)
    if seen.left:
        sentence = f"accounts that were not looked at, because there are too many or the time was over: {seen.left}"
        yield Finding(Way.CLIENTS, State.WATCH, sentence, "run 'cgappliance tenant bypass' with a larger --accounts")


def _see(
    google: GoogleAdministration,
    own: Mapping[str, bool],
    users: Mapping[str, GoogleUser],
    bounds: Bounds,
    progress: Progress,
) -> Seen:
    seen, until = Seen(), bounds.clock() + bounds.seconds
    at_google = [address for address in own if address in users]
    for number, address in enumerate(at_google):
        rest_s = until - bounds.clock()
        if number >= bounds.accounts or rest_s <= 0:
            seen.left = len(at_google) - number
            break
        try:
            with gevent.Timeout(rest_s):
                _see_one(google, users[address], seen, has_own=own[address])
        except gevent.Timeout:
            seen.left = len(at_google) - number
            break
        except GoogleRefused as refused:
            if refused.fault.of_all:
                raise
            seen.failed.append(f"{address}: {refused.fault.sentence}")
        seen.looked_at = number + 1
        progress("accounts", seen.looked_at)
    return seen


def _see_one(google: GoogleAdministration, user: GoogleUser, seen: Seen, *, has_own: bool) -> None:
    grants = [grant for grant in google.client_grants(user.id) if grant.client_id != google.setup.client_id]
    in_use = google.app_passwords(user.id)
    seen.programs += [_named(user, grant) for grant in grants if MAIL_PROTOCOLS & set(grant.scopes)]
    seen.readers += [
        _named(user, grant)
        for grant in grants
        if not MAIL_PROTOCOLS & set(grant.scopes) and any(scope.startswith(GMAIL) for scope in grant.scopes)
    ]
    if len(in_use) > has_own:
        seen.app_passwords.append(f"{user.address}: {', '.join(one.name or str(one.code_id) for one in in_use)}")


def _named(user: GoogleUser, grant: ClientGrant) -> str:
    return f"{user.address}: {grant.name or grant.client_id}"


def _of_programs(seen: Seen) -> Finding:
    if seen.programs:
        sentence = f"accounts that let a mail program log in at Google by OAuth, past the appliance: {len(seen.programs)}"
        return about(Way.CLIENTS, State.OPEN, sentence, _DISCONNECT, seen.programs)
    return Finding(
        Way.CLIENTS, State.CLOSED, f"accounts looked at, of which none lets a mail program log in at Google: {seen.looked_at}"
    )


def _of_app_passwords(seen: Seen) -> Finding:
    if seen.app_passwords:
        sentence = f"accounts with app passwords, with which a mail program logs in at Google: {len(seen.app_passwords)}"
        return about(Way.CLIENTS, State.OPEN, sentence, _REVOKE, seen.app_passwords)
    return Finding(Way.CLIENTS, State.CLOSED, f"accounts looked at, of which none has an app password of its own: {seen.looked_at}")


def own_app_passwords(desk: Desk, tenant: Tenant) -> Mapping[str, bool]:
    """Return the accounts' addresses, and of which the appliance itself logs in with an app password."""
    with desk.store.read() as connection:
        holders = credentials.holders(connection, tenant.id, Kind.APP_PASSWORD, Sureness.CURRENT)
        used = tenant.google.name == "app-password"
        return {account.address: used and account.id in holders for account in accounts.walk(connection, tenant.id)}
