"""The directory: does each server answer, and let the appliance's own account search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cgappliance.admin import outside
from cgappliance.admin.doctor.findings import Finding, State, ok, skipped
from cgappliance.administration import ServerCheck
from cgappliance.errors import CgapplianceError
from cgappliance.model import Outcome, Reason, Tenant
from cgappliance.plugins import Kinds

TOPIC: Final = "directory"
REMEDIES: Final = {
    Reason.DIRECTORY_MISCONFIGURED: "look at bind_dn, bind_password_file and base_dn in [auth]: the account must be able to search",
    Reason.DIRECTORY_UNAVAILABLE: "does the server run, can the appliance reach its port, and does auth.ca_file hold its CA?",
    Reason.DIRECTORY_TIMEOUT: "is the server overloaded, or does a firewall swallow the packets?",
}


def look_at_directory(kinds: Kinds, tenant: Tenant) -> Iterator[Finding]:
    """Yield what is to be said of each server. Blocks cooperatively."""
    if kinds.backends[tenant.auth.name].directory is None:
        yield skipped(TOPIC, f"the backend {tenant.auth.name!r} cannot be asked beside logins")
        return
    try:
        with outside.directory_of(kinds, tenant) as directory:
            checks = directory.check()
    except CgapplianceError as error:
        yield Finding(TOPIC, State.PROBLEM, str(error), "look at [auth] in the tenant file")
        return
    some_work = any(check.reason is Reason.ACCEPTED for check in checks)
    for check in checks:
        yield _server(check, some_work=some_work)


def _server(check: ServerCheck, *, some_work: bool) -> Finding:
    if check.reason is Reason.ACCEPTED:
        return ok(TOPIC, f"{check.server} answers, and lets the appliance's account search")
    # another server does its work; one that refuses the account will do so for all logins that come to it
    is_covered = some_work and check.reason.outcome is Outcome.UNAVAILABLE and check.reason is not Reason.DIRECTORY_MISCONFIGURED
    state = State.WARNING if is_covered else State.PROBLEM
    remedy = REMEDIES.get(check.reason, "the detail says what of it")
    return Finding(TOPIC, state, f"{check.server}: {check.reason.sentence}: {check.detail}", remedy)
