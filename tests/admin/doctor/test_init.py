"""All parts of the doctor together."""

from __future__ import annotations

import pytest

from cgappliance.admin import doctor
from cgappliance.admin.desk import Desk
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from tests.admin.doctor.conftest import YUKI
from tests.admin.doctor.reading import kinds
from tests.admin.doctor.test_login import GOOD, Provider
from tests.admin.fake_customer import FakeCustomer
from tests.admin.fake_directory import FakeDirectory


def topics(desk: Desk, tenant: Tenant, address: str | None = None) -> list[str]:
    outside = kinds(FakeDirectory(), FakeCustomer(), Provider(GOOD))
    return [finding.topic for finding in doctor.examine(desk, outside, tenant, address=address)]


def test_every_part_is_looked_at(desk: Desk, at_gmail: Tenant) -> None:
    found = topics(desk, at_gmail)
    for topic in (
        "service period",
        "seats",
        "certificate",
        "server name",
        "port imaps",
        "directory",
        "delegation",
        "upstream smtp",
    ):
        assert topic in found
    assert "account" not in found


def test_an_account_is_looked_at_when_it_is_named(desk: Desk, at_gmail: Tenant) -> None:
    assert topics(desk, at_gmail, YUKI)[-1] == "login at Gmail"


def test_part_that_fails_does_not_hide_the_others(desk: Desk, at_gmail: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object):
        raise CgapplianceError("the database has gone")

    monkeypatch.setattr(doctor, "look_at_contract", broken)
    outside = kinds(FakeDirectory(), FakeCustomer(), Provider(GOOD))
    first, *others = doctor.examine(desk, outside, at_gmail)
    assert (first.topic, first.state, first.sentence) == ("contract", doctor.State.PROBLEM, "the database has gone")
    assert len(others) > 5
