"""Google-side credentials, as an administrator handles them: set, reset, reveal, forget.

``reset`` gives a user's Google account a new random password. Whatever moment the process dies at, no password that Google may have
is lost: the new one is on the disk as *pending* before Google hears of it, becomes *current* only after Google has said that it has
it, and stays pending, beside the old one, when nobody knows. The next ``reset`` of the account then sends that same password again,
which Google takes as well when it has it already.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cgappliance import log
from cgappliance.admin.desk import Desk, Work
from cgappliance.admin.google import AppPasswords, DirectoryApi, GoogleUser, PasswordAnswer, Taken
from cgappliance.errors import LoginFailed
from cgappliance.model import Reason, Tenant
from cgappliance.secret import Secret
from cgappliance.store import accounts, credentials
from cgappliance.store.accounts import Account, GoogleState
from cgappliance.store.credentials import Kind, Sealed, State
from cgappliance.store.errors import RecordConflict, RecordInvalid, RecordMissing, StoreError
from cgappliance.store.vault import Vault

_log = log.get()

PASSWORD_CHARS: Final = 40  #: of 62 kinds: 238 bits; Google takes 8 to 100 characters of ASCII
APP_PASSWORD_CHARS: Final = 16  #: shown by Google as four groups of four letters
REASON_MIN_CHARS: Final = 5  #: of the reason to reveal a password: more than a key that was leant on
_ALPHABET: Final = string.ascii_letters + string.digits  #: passes any strength rule of Google at this length

#: Logs in at Gmail with an app password: "" when Gmail takes it, else what Gmail said.
Verify = Callable[[str, Secret], str]


class ResetRefused(StoreError):
    """Google has refused the new password; the old one goes on working."""


class ResetUndecided(StoreError):
    """Nobody knows whether Google has the new password; both are kept, and ``reset`` is to be run again."""


class NotAnAppPassword(RecordInvalid):
    """What was typed does not look like one; Gmail was not asked."""


class AppPasswordRefused(RecordInvalid):
    """Gmail does not take it; ``said`` are its words."""

    def __init__(self, said: str) -> None:
        super().__init__(f"app password: Gmail does not take it: {said} (make a new one at Google, and type it without mistake)")
        self.said = said


@dataclass(frozen=True, slots=True)
class Revealed:
    """A stored credential, open."""

    kind: Kind
    state: State
    secret: Secret


def reset(
    desk: Desk, tenant: Tenant, address: str, vault: Vault, google: DirectoryApi, *, revoke_app_passwords: bool = False
) -> GoogleUser:
    """Give an account's Google user a new random password, known to the appliance only (manual 2.1.2, 3.4 (4), 3.5).

    Also finishes what an earlier reset left undecided. Google may log the user out of the browser.

    Args:
        desk: who does it.
        tenant: whose account.
        address: of the account.
        vault: encrypts the password.
        google: the tenant's Directory API.
        revoke_app_passwords: do it although Google then revokes the app password that the account logs in with.

    Raises:
        RecordMissing: there is no such account, or Google has no such user.
        RecordConflict: the address is that of the API administrator or an alias, or the account logs in with an app password.
        ResetRefused, ResetUndecided: as they say.
        KeyProblem, StoreUnavailable, CgapplianceError: something failed before Google was told; nothing has changed.
    """
    account = _resettable(desk, tenant, address, revoke_app_passwords=revoke_app_passwords)
    user = google.find(account.address)
    if user is None:
        raise RecordMissing(f"{account.address} does not exist at Google (create it there first)")
    if user.address != account.address:
        raise RecordConflict(f"{account.address} is an alias of {user.address} at Google: whose password this is, is not clear")
    sealed, resumed = _pending(desk, account, vault)
    answer = _tell_google(google, user, sealed.open(vault))
    with desk.work() as work:
        _conclude(work, accounts.get(work.connection, tenant.id, account.address), user, answer, resumed=resumed)
    if answer.taken is Taken.NO:
        raise ResetRefused(f"{account.address}: Google refused the new password: {answer.detail or 'no reason given'}")
    if answer.taken is Taken.UNKNOWN:
        raise ResetUndecided(
            f"{account.address}: it is not known whether Google took the new password: {answer.detail or 'no answer'} "
            "(both are kept; run the reset again)"
        )
    return user


def undecided(desk: Desk, tenant: Tenant) -> list[str]:
    """Return the addresses whose reset was interrupted or got no answer; ``reset`` finishes them."""
    with desk.store.read() as connection:
        uids = {sealed.account_uid for sealed in credentials.pending(connection, tenant.id)}
        return [account.address for account in accounts.walk(connection, tenant.id) if account.uid in uids]


def set_app_password(desk: Desk, tenant: Tenant, address: str, typed: Secret, *, vault: Vault, verify: Verify) -> None:
    """Keep an app password that its user made at Google, if Gmail takes it. Blanks in it are how Google shows it.

    Raises:
        RecordMissing: there is no such account.
        NotAnAppPassword, AppPasswordRefused: as they say; nothing was changed.
        KeyProblem, StoreUnavailable: it was not kept.
    """
    with desk.store.read() as connection:
        address = accounts.get(connection, tenant.id, address).address
    secret = Secret("".join(typed.reveal().split()))
    if len(secret.reveal()) != APP_PASSWORD_CHARS or not set(secret.reveal()) <= set(string.ascii_lowercase):
        raise NotAnAppPassword("app password: this is none (Google shows four groups of four lower case letters)")
    said = verify(address, secret)
    if said:
        raise AppPasswordRefused(said)
    with desk.work() as work:
        account = accounts.get(work.connection, tenant.id, address)
        replaced = credentials.remove(work.transaction, account, Kind.APP_PASSWORD, State.CURRENT)
        _add(work, account, vault, kind=Kind.APP_PASSWORD, state=State.CURRENT, secret=secret)
        work.log(tenant.id, "credential.set", account.address, after={"kind": Kind.APP_PASSWORD, "replaced": replaced})


def forget_app_password(desk: Desk, tenant: Tenant, address: str) -> None:
    """Remove a stored app password; at Google it stays until it is revoked there.

    Raises:
        RecordMissing: there is no such account, or it has none.
    """
    with desk.work() as work:
        account = accounts.get(work.connection, tenant.id, address)
        if not credentials.remove(work.transaction, account, Kind.APP_PASSWORD, State.CURRENT):
            raise RecordMissing(f"{account.address} has no app password here")
        work.log(tenant.id, "credential.forget", account.address, before={"kind": Kind.APP_PASSWORD})


def revoke_app_password(desk: Desk, tenant: Tenant, user: GoogleUser, code_id: int, google: AppPasswords) -> None:
    """Make an app password useless at Google. Blocks cooperatively.

    Raises:
        CgapplianceError: Google could not be asked, or refuses.
    """
    google.revoke_app_password(user.id, code_id)
    with desk.work() as work:
        work.log(tenant.id, "credential.revoke", user.address, before={"kind": Kind.APP_PASSWORD, "code": code_id})


def reveal(desk: Desk, tenant: Tenant, address: str, vault: Vault, reason: str) -> Sequence[Revealed]:
    """Return an account's stored credentials, open (manual 3.4 (3)). Who asked, and why, is in the audit log before he sees them.

    Raises:
        RecordInvalid: there is no reason worth the name.
        RecordMissing: there is no such account, or it has none.
        KeyProblem: the key file does not open them.
    """
    if len(reason.strip()) < REASON_MIN_CHARS:
        raise RecordInvalid(
            f"reason: {reason!r} says too little (say in {REASON_MIN_CHARS} characters or more what it is needed for)"
        )
    with desk.work() as work:
        account = accounts.get(work.connection, tenant.id, address)
        kept = credentials.of_address(work.connection, tenant.id, account.address)
        if not kept:
            raise RecordMissing(f"{account.address} has no stored Google credential")
        kinds = [f"{sealed.kind} ({sealed.state})" for sealed in kept]
        work.log(tenant.id, "credential.reveal", account.address, after={"kinds": kinds}, reason=reason.strip())
    return [Revealed(sealed.kind, sealed.state, sealed.open(vault)) for sealed in kept]


def source(desk: Desk, tenant: Tenant, vault: Vault) -> Callable[[str, str], Sequence[Secret]]:
    """Return what gives a credential provider an account's stored credentials, to try a login with; nobody gets to see them."""

    def kept(kind: str, address: str) -> Sequence[Secret]:
        try:
            with desk.store.read() as connection:
                found = credentials.of_address(connection, tenant.id, address)
            return [sealed.open(vault) for sealed in found if sealed.kind == kind]
        except StoreError as error:
            raise LoginFailed(Reason.STORE_UNAVAILABLE, str(error)) from error

    return kept


def new_password() -> Secret:
    """Return a random password for Google."""
    return Secret("".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_CHARS)))


def _resettable(desk: Desk, tenant: Tenant, address: str, *, revoke_app_passwords: bool) -> Account:
    with desk.store.read() as connection:
        account = accounts.get(connection, tenant.id, address)
        if account.address == str(tenant.google.settings.get("admin", "")).lower():
            raise RecordConflict(f"{account.address} is the API administrator of {tenant.id}: its password is never touched")
        if credentials.of_account(connection, account.id, Kind.APP_PASSWORD) and not revoke_app_passwords:
            raise RecordConflict(
                f"{account.address} logs in with an app password, which Google revokes when the password changes "
                "(confirm with --revoke-app-passwords)"
            )
    return account


def _pending(desk: Desk, account: Account, vault: Vault) -> tuple[Sealed, bool]:
    """Return the pending password, and whether an earlier reset has left it; it is on the disk when this returns."""
    with desk.work() as work:
        current = accounts.get(work.connection, account.tenant, account.address)
        left = _pending_of(work, current)
        if left is not None:
            work.log(account.tenant, "credential.reset.resume", account.address)
            return left, True
        _add(work, current, vault, kind=Kind.MANAGED_PASSWORD, state=State.PENDING, secret=new_password())
        work.log(account.tenant, "credential.reset.begin", account.address)
        made = _pending_of(work, current)
    if made is None:
        raise RecordMissing(f"{account.address}: the pending password has vanished (run the reset again)")
    return made, False


def _pending_of(work: Work, account: Account) -> Sealed | None:
    kept = credentials.of_account(work.connection, account.id, Kind.MANAGED_PASSWORD)
    return next((sealed for sealed in kept if sealed.state is State.PENDING), None)


def _add(work: Work, account: Account, vault: Vault, *, kind: Kind, state: State, secret: Secret) -> None:
    credentials.add(work.transaction, vault, account, kind=kind, state=state, secret=secret, by=work.actor.name, now=work.now)


def _tell_google(google: DirectoryApi, user: GoogleUser, password: Secret) -> PasswordAnswer:
    try:
        return google.set_password(user.id, password)
    except Exception as error:  # noqa: BLE001 - whatever a client raises, Google may have the password
        _log.error("google.failed", call="set_password", detail=type(error).__name__, exc_info=True)
        return PasswordAnswer(Taken.UNKNOWN, type(error).__name__)


def _conclude(work: Work, account: Account, user: GoogleUser, answer: PasswordAnswer, *, resumed: bool) -> None:
    kind = Kind.MANAGED_PASSWORD
    if answer.taken is Taken.YES:
        credentials.promote(work.transaction, account, kind)
        if credentials.remove(work.transaction, account, Kind.APP_PASSWORD, State.CURRENT):  # Google has just revoked it
            work.log(account.tenant, "credential.forget", account.address, before={"kind": Kind.APP_PASSWORD})
        state = GoogleState.SUSPENDED if user.suspended else GoogleState.PRESENT
        known = {"google_id": user.id, "google_state": state, "reset_due": False}
        accounts.change(work.transaction, account, by=work.actor.name, now=work.now, **known)
    elif answer.taken is Taken.NO and not resumed:  # a resumed one may have been taken when it was first sent
        credentials.remove(work.transaction, account, kind, State.PENDING)
    outcome = {Taken.YES: "done", Taken.NO: "refused", Taken.UNKNOWN: "undecided"}[answer.taken]
    work.log(account.tenant, f"credential.reset.{outcome}", account.address, reason=answer.detail)
