"""The Google customer: delegation and scopes, clock, APIs and rights, and what resets have left behind (manual 2.1, 4.1 (2))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cgappliance.admin import credentials, outside
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.findings import Finding, State, ok, problem, skipped, warning
from cgappliance.administration import GoogleAdministration, GoogleFault, GoogleRefused, ScopeCheck
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds
from cgappliance.store import accounts
from cgappliance.store.accounts import GoogleState

MANUAL: Final = "2.1.2"
CLOCK_WARNING_S: Final = 30.0  #: NTP keeps a machine within milliseconds
CLOCK_PROBLEM_S: Final = 240.0  #: Google refuses from five minutes on
NAMED: Final = 5  #: accounts that are named in a sentence; ``account list`` has the rest


def look_at_google(desk: Desk, kinds: Kinds, tenant: Tenant, address: str | None) -> Iterator[Finding]:
    """Yield what is to be said of the Google customer. Blocks cooperatively.

    Args:
        desk: who asks.
        kinds: the installed plugins.
        tenant: whose customer.
        address: of an account, to ask for tokens in its name too; None: in the administrator's name only.
    """
    try:
        with outside.google_of(kinds, tenant) as google:
            yield from _customer(google, address)
    except GoogleRefused as refused:
        if refused.fault is not GoogleFault.NOT_CONFIGURED:
            raise
        yield skipped("Google", f"Google's APIs are not used: {refused.detail}")
    yield from _accounts(desk, tenant)


def _customer(google: GoogleAdministration, address: str | None) -> Iterator[Finding]:
    checks = google.check_scopes(address)
    yield from _scopes(google, checks)
    yield from _clock(google.clock_offset_s())
    if google.setup.admin and checks and all(check.fault is None for check in checks if check.subject == google.setup.admin):
        yield _directory_api(google)
        yield _gmail_api(google, address or google.setup.admin)
    if google.setup.sets_passwords:
        yield ok("Google passwords", "are random and known to the appliance only; whoever has app passwords loses them by it")


def _scopes(google: GoogleAdministration, checks: Sequence[ScopeCheck]) -> Iterator[Finding]:
    setup = google.setup
    paste = {"client_id": setup.client_id, "scopes": ",".join(setup.scopes)}
    failed = [check for check in checks if check.fault is not None]
    if not failed:
        yield ok("delegation", f"client id {setup.client_id} may use all {len(checks)} scopes", **paste)
        return
    faults = {check.fault for check in failed}
    if len(failed) == len(checks) and len(faults) == 1:  # one cause for all
        (fault,) = faults
        yield _scope_finding(google, failed[0], str(fault and fault.sentence), paste)
        return
    for check in failed:
        yield _scope_finding(google, check, f"{check.scope} ({check.needed_for})", paste)


def _scope_finding(google: GoogleAdministration, check: ScopeCheck, what: str, paste: dict[str, str]) -> Finding:
    fault = check.fault or GoogleFault.UNREACHABLE
    remedy = fault.remedy
    if fault is GoogleFault.SCOPE_MISSING:
        remedy = f"{remedy}; client id: {paste['client_id']}; scopes: {paste['scopes']}"
    sentence = what if what == fault.sentence else f"{what}: {fault.sentence}"
    detail = f" ({check.detail})" if check.detail else ""
    state = State.PROBLEM if _is_needed(google, check) else State.WARNING
    return Finding("delegation", state, sentence + detail, remedy, MANUAL, paste)


def _is_needed(google: GoogleAdministration, check: ScopeCheck) -> bool:
    """Return whether logins, or what the tenant file wants, depend on the scope."""
    setup = google.setup
    if "admin.directory" in check.scope:
        return setup.sets_passwords
    return setup.enables_mail_access if "gmail.settings" in check.scope else True


def _clock(offset_s: float | None) -> Iterator[Finding]:
    if offset_s is None:
        return
    way = "ahead of" if offset_s > 0 else "behind"
    sentence = f"this machine's clock is {abs(offset_s):.0f} s {way} Google's"
    if abs(offset_s) >= CLOCK_PROBLEM_S:
        yield problem("clock", sentence, GoogleFault.CLOCK.remedy)
    elif abs(offset_s) >= CLOCK_WARNING_S:
        yield warning("clock", sentence, GoogleFault.CLOCK.remedy)
    else:
        yield ok("clock", "agrees with Google's")


def _directory_api(google: GoogleAdministration) -> Finding:
    topic, admin = "Directory API", google.setup.admin
    state = problem if google.setup.sets_passwords else warning
    try:
        user = google.find(admin)
    except GoogleRefused as refused:
        return state(topic, f"{refused.fault.sentence}: {refused.detail}", refused.fault.remedy, MANUAL)
    if user is None or user.address != admin:
        return state(
            topic, f"{admin} is no user of this Google customer", "name one in google.admin, by its primary address", MANUAL
        )
    if not user.is_admin:
        return state(topic, f"{admin} has no administrator's role", GoogleFault.FORBIDDEN.remedy, MANUAL)
    return ok(topic, f"answers {admin}")


def _gmail_api(google: GoogleAdministration, address: str) -> Finding:
    topic = "Gmail API"
    state = problem if google.setup.enables_mail_access else warning
    try:
        google.mail_access(address)
    except GoogleRefused as refused:
        if refused.fault is GoogleFault.NO_MAILBOX:
            return ok(topic, f"answers ({address} has no mailbox)")
        return state(topic, f"{refused.fault.sentence}: {refused.detail}", refused.fault.remedy, "2.1.4")
    return ok(topic, "answers")


def _accounts(desk: Desk, tenant: Tenant) -> Iterator[Finding]:
    undecided = credentials.undecided(desk, tenant)
    if undecided:
        remedy = "run 'cgappliance credential reset' for them: it finishes what was begun"
        yield warning("resets", f"{_named(undecided)}: it is not known which password Google has; both are tried", remedy, MANUAL)
    with desk.store.read() as connection:
        enabled = list(accounts.walk(connection, tenant.id, accounts.Filter(enabled=True)))
    due = [account.address for account in enabled if account.reset_due]
    if due:
        remedy = "run 'cgappliance credential reset' for them"
        yield problem("resets", f"{_named(due)}: the address has changed since Google's password was set", remedy, "3.5")
    for state, what in ((GoogleState.MISSING, "no user at Google"), (GoogleState.SUSPENDED, "suspended at Google")):
        found = [account.address for account in enabled if account.google_state is state]
        if found:
            remedy = "disable the accounts, or put it right at Google and run 'cgappliance account provision --all'"
            yield warning("Google users", f"{_named(found)}: {what}", remedy, "2.1.1")


def _named(addresses: Sequence[str]) -> str:
    more = len(addresses) - NAMED
    return ", ".join(addresses[:NAMED]) + (f" and {more} more" if more > 0 else "")
