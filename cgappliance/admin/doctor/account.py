"""One account: what the list of accounts, the directory and Google say of it, and how its last logins ended (manual 4.1 to 4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cgappliance.admin import accounts, mail_access, outside
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.advice import ADVICE
from cgappliance.admin.doctor.findings import Finding, ok, problem, skipped, warning
from cgappliance.admin.doctor.login import look_at_login
from cgappliance.administration import DirectoryFailed, GoogleAdministration, GoogleRefused
from cgappliance.errors import CgapplianceError
from cgappliance.model import MailProtocol, Reason, Tenant
from cgappliance.plugin_api import CredentialSource
from cgappliance.plugins import Kinds
from cgappliance.store.accounts import Account, DisabledBy, LastLogin
from cgappliance.store.errors import RecordMissing

PROFILE_MANUAL: Final = "2.2"


def look_at_account(desk: Desk, kinds: Kinds, tenant: Tenant, address: str, kept: CredentialSource | None) -> Iterator[Finding]:
    """Yield what is to be said of one account. Blocks cooperatively."""
    address = accounts.normalised(address)
    try:
        details = accounts.show(desk, tenant, address)
    except RecordMissing:
        yield _unlisted(tenant, address)
    else:
        yield from _standing(details.row)
        yield from _last_logins(tenant, details.last_logins)
    yield from look_outside(kinds, tenant, address, kept)


def look_outside(kinds: Kinds, tenant: Tenant, address: str, kept: CredentialSource | None) -> Iterator[Finding]:
    """Yield what the directory, Google and Gmail say of one account. Blocks cooperatively."""
    address = accounts.normalised(address)
    yield from _entry(kinds, tenant, address)
    try:
        with outside.google_of(kinds, tenant) as google:
            yield from _google(tenant, google, address)
    except GoogleRefused as refused:
        yield skipped("Google user", f"Google's APIs are not used: {refused.detail or refused.fault.sentence}")
    yield look_at_login(kinds, tenant, address, kept)


def _unlisted(tenant: Tenant, address: str) -> Finding:
    topic = "account"
    if address.rpartition("@")[2] not in tenant.domains:
        domains = ", ".join(sorted(tenant.domains))
        return problem(topic, f"{address} is of none of the tenant's domains", f"log in with an address of {domains}", "4.1 (1)")
    if tenant.default_profile:
        return ok(topic, f"not in the list; the first login makes it, with the profile {tenant.default_profile!r}")
    remedy = f"add it: 'cgappliance account create {tenant.id} {address} --profile NAME', or account sync"
    return problem(topic, "not in the list, and there is no default profile", remedy, PROFILE_MANUAL)


def _standing(row: accounts.Row) -> Iterator[Finding]:
    topic, account = "account", row.account
    if not account.enabled:
        yield problem(topic, f"switched off by {_who(account)}", _switch_on(account), "4.1 (1)")
    elif row.locked_until is not None:
        yield problem(topic, f"locked by wrong passwords until {row.locked_until:%F %T} UTC", ADVICE[Reason.LOCKED], "4.1 (1)")
    elif not row.profile:
        what = f"its profile {account.profile!r} does not exist any more" if account.profile else "it has no profile"
        yield problem(topic, what, ADVICE[Reason.NO_PROFILE], PROFILE_MANUAL)
    else:
        yield ok(topic, f"enabled, with the profile {row.profile!r}")


def _who(account: Account) -> str:
    return "the directory sync" if account.disabled_by is DisabledBy.SYNC else "an administrator"


def _switch_on(account: Account) -> str:
    if account.disabled_by is DisabledBy.SYNC:
        return "switch the entry on in the directory, and run 'cgappliance account sync'"
    return f"run 'cgappliance account enable {account.tenant} {account.address}'"


def _last_logins(tenant: Tenant, logins: Sequence[LastLogin]) -> Iterator[Finding]:
    """Yield how the last login over each protocol ended; a failure that was followed by a success is no matter."""
    by_protocol = {last.protocol: last for last in logins}
    for protocol in tenant.listen.ports:
        last = by_protocol.get(protocol)
        if last is not None:
            yield _last_login(tenant, protocol, last)


def _last_login(tenant: Tenant, protocol: MailProtocol, last: LastLogin) -> Finding:
    topic = f"last {protocol.value}"
    failed = last.failure_at is not None and (last.success_at is None or last.failure_at > last.success_at)
    when = last.failure_at if failed else last.success_at
    local = "-" if when is None else when.astimezone(tenant.timezone).strftime("%F %T")
    if not failed:
        return ok(topic, f"good, {local} from {last.success_ip}")
    reason = _reason(last.failure_reason)
    sentence = f"failed, {local} from {last.failure_ip}: {reason.sentence if reason else last.failure_reason}"
    hint = f"'cgappliance explain' shows each rule for {protocol.value} from that address"
    return problem(topic, sentence, ADVICE.get(reason, hint) if reason else hint, "4.1 (1)")


def _reason(code: str | None) -> Reason | None:
    return next((reason for reason in Reason if reason.value == code), None)


def _entry(kinds: Kinds, tenant: Tenant, address: str) -> Iterator[Finding]:
    topic = "directory entry"
    if kinds.backends[tenant.auth.name].directory is None:
        return
    try:
        with outside.directory_of(kinds, tenant) as directory:
            entry = directory.find(address)
    except DirectoryFailed as failed:
        if failed.reason is Reason.AMBIGUOUS_ADDRESS:
            yield problem(topic, str(failed), ADVICE[Reason.AMBIGUOUS_ADDRESS])
        else:
            yield skipped(topic, str(failed))
        return
    except CgapplianceError as error:
        yield skipped(topic, str(error))
        return
    if entry is None:
        yield problem(topic, f"nobody who may log in has the address {address}", ADVICE[Reason.UNKNOWN_ADDRESS], "4.1 (1)")
    elif entry.disabled:
        yield problem(topic, "switched off in the directory", "switch it on there")
    else:
        yield ok(topic, f"found ({entry.identity})")


def _google(tenant: Tenant, google: GoogleAdministration, address: str) -> Iterator[Finding]:
    topic = "Google user"
    if google.setup.admin:
        try:
            user = google.find(address)
        except GoogleRefused as refused:
            yield skipped(topic, str(refused))
        else:
            if user is None:
                remedy = f"make it: 'cgappliance account provision {tenant.id} {address} --create-google-users'"
                yield problem(topic, "does not exist at Google", remedy, "2.1.1")
                return
            if user.address != address:
                remedy = f"log in with {user.address}, or make the address a user of its own at Google"
                yield problem(topic, f"{address} is an alias of {user.address} at Google", remedy)
                return
            if user.suspended:
                yield problem(topic, "suspended at Google", "reactivate it in Google's Admin console")
            else:
                yield ok(topic, f"exists (id {user.id})")
    yield from _mail_access(tenant, google, address)


def _mail_access(tenant: Tenant, google: GoogleAdministration, address: str) -> Iterator[Finding]:
    topic = "POP and IMAP"
    try:
        looked = mail_access.look(tenant, google, address)
    except GoogleRefused as refused:
        yield warning(topic, f"{refused.fault.sentence}: {refused.detail}", refused.fault.remedy, "2.1.4")
        return
    if looked.still_off:
        yield problem(topic, f"off at Google: {', '.join(looked.still_off)}", looked.advice, "2.1.4")
    else:
        yield ok(topic, "on at Google, as far as they are offered")
    if MailProtocol.POP3 in tenant.listen.ports and looked.access.pop:
        yield _pop_disposition(looked.access.pop_disposition)


def _pop_disposition(disposition: str) -> Finding:
    """Say what becomes of fetched messages: what most questions about POP are about."""
    what = {
        "leaveInInbox": "leaves them in the inbox",
        "archive": "archives them",
        "trash": "puts them into the trash",
        "markRead": "marks them as read",
    }.get(disposition, disposition)
    hint = "mail clients should have 'leave messages on the server' off, unless they log in as recent:ADDRESS"
    return ok("POP messages", f"Gmail {what} when they have been fetched; {hint}")
