"""The contract: is today within the service period, and are there seats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cgappliance.admin import accounts
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.findings import Finding, ok, problem, warning
from cgappliance.model import Tenant

ENDS_SOON: Final = timedelta(days=30)  #: time enough to renew a contract


def look_at_contract(desk: Desk, tenant: Tenant) -> Iterator[Finding]:
    """Yield what is to be said of service period and seats. Blocks cooperatively for the database."""
    yield _period(desk, tenant)
    yield _seats(desk, tenant)


def _period(desk: Desk, tenant: Tenant) -> Finding:
    topic, today = "service period", desk.now().astimezone(tenant.timezone).date()
    correct = "correct starts_on and ends_on in the tenant file"
    if tenant.starts_on is not None and today < tenant.starts_on:
        return problem(topic, f"the service begins on {tenant.starts_on}: until then nobody is let in", correct)
    if tenant.ends_on is None:
        return ok(topic, "open")
    if today > tenant.ends_on:
        return problem(topic, f"the service ended on {tenant.ends_on}: nobody is let in", f"renew the contract, and {correct}")
    if tenant.ends_on - today < ENDS_SOON:
        return warning(topic, f"the service ends on {tenant.ends_on}", f"renew the contract, and {correct}")
    return ok(topic, f"until {tenant.ends_on}")


def _seats(desk: Desk, tenant: Tenant) -> Finding:
    topic, seats = "seats", accounts.count_seats(desk, tenant)
    if seats.contracted is None:
        return ok(topic, f"{seats.used} used, no limit")
    used = f"{seats.used} of {seats.contracted} used"
    remedy = "disable accounts that are not needed, or raise seats in the tenant file"
    if seats.used > seats.contracted:
        return problem(topic, f"{used}: more than the contract has; nobody new is let in", remedy)
    if seats.used == seats.contracted:
        return warning(topic, f"{used}: nobody new is let in", remedy)
    return ok(topic, used)
