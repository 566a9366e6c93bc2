from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cgappliance.admin import accounts
from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.contract import look_at_contract
from cgappliance.admin.doctor.findings import Finding, State
from cgappliance.model import Tenant
from tests.admin.doctor.reading import about

TODAY = date(2026, 11, 24)  # in Tokyo; 03:00 UTC
OK, WARNING, PROBLEM = State.OK, State.WARNING, State.PROBLEM


def period(desk: Desk, tenant: Tenant) -> Finding:
    return about(look_at_contract(desk, tenant), "service period")


def seats(desk: Desk, tenant: Tenant) -> Finding:
    return about(look_at_contract(desk, tenant), "seats")


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "state"),
    [
        (None, None, OK),
        (TODAY, None, OK),
        (date(2026, 11, 25), None, PROBLEM),
        (None, date(2026, 11, 23), PROBLEM),
        (None, TODAY, WARNING),
        (None, date(2026, 12, 23), WARNING),
        (None, date(2026, 12, 24), OK),
    ],
)
def test_period_is_told_by_the_tenants_day(desk: Desk, acme: Tenant, starts_on: date | None, ends_on: date | None, state: State):
    finding = period(desk, replace(acme, starts_on=starts_on, ends_on=ends_on))
    assert finding.state is state
    assert bool(finding.remedy) is (state is not OK)


@pytest.mark.parametrize(("contracted", "state"), [(None, OK), (3, OK), (2, WARNING), (1, PROBLEM)])
def test_seats_are_told_with_how_many_are_used(desk: Desk, acme: Tenant, contracted: int | None, state: State):
    for name in ("yuki", "taro"):
        accounts.create(desk, acme, f"{name}@acme.example", profile="office")
    finding = seats(desk, replace(acme, seats=contracted))
    assert finding.state is state
    assert finding.sentence.startswith("2 ")
