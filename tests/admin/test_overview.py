from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cgappliance.admin import accounts
from cgappliance.admin.desk import Desk
from cgappliance.admin.overview import BUCKET, Weight, overview
from cgappliance.errors import CgapplianceError
from cgappliance.model import Reason, Tenant
from cgappliance.policy.lockout import Answer, Limits, Result
from cgappliance.store.lockout import SharedLockouts
from tests.admin.conftest import NOW
from tests.config.kit import write_pair


@pytest.fixture
def shop(acme: Tenant, tmp_path: Path) -> Tenant:
    """A tenant with a good certificate."""
    certificate, key = write_pair(tmp_path, acme.listen.hostname)
    return replace(acme, listen=replace(acme.listen, certificate=certificate, private_key=key))


HEALTH: dict[str, Any] = {"directory": {"healthy": True, "reason": "accepted", "for_s": 60.0}}


def nobody_live(command: str, **_where: str) -> Any:
    return {"health": {"acme": HEALTH}} if command == "status" else []


def sentences(desk: Desk, tenant: Tenant) -> list[str]:
    return [problem.sentence for problem in overview(desk, nobody_live, tenant).problems]


def test_a_tenant_without_problems_has_none(desk: Desk, shop: Tenant) -> None:
    assert sentences(desk, shop) == []


def test_a_mail_service_that_is_silent_comes_first(desk: Desk, shop: Tenant) -> None:
    def silent(*_: object, **__: object) -> Any:
        raise CgapplianceError("no answer")

    found = overview(desk, silent, replace(shop, ends_on=date(2026, 12, 1)))
    assert [problem.weight for problem in found.problems] == [Weight.ERROR, Weight.WARNING]
    assert found.live is None


@pytest.mark.parametrize(
    ("period", "said"),
    [
        ({"ends_on": date(2026, 11, 23)}, ["the service period ended on 2026-11-23: nobody can log in"]),
        ({"ends_on": date(2026, 11, 24)}, ["the service period ends on 2026-11-24"]),
        ({"ends_on": date(2026, 12, 24)}, ["the service period ends on 2026-12-24"]),
        ({"ends_on": date(2026, 12, 25)}, []),
        ({"starts_on": date(2026, 11, 25)}, ["the service period begins on 2026-11-25: nobody can log in before"]),
    ],
)
def test_the_service_period_is_told_in_time(desk: Desk, shop: Tenant, period: dict[str, date], said: list[str]) -> None:
    assert sentences(desk, replace(shop, **period)) == said  # type: ignore[arg-type]


def test_a_certificate_that_ends_soon_is_told(desk: Desk, acme: Tenant, tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, acme.listen.hostname, expires=timedelta(days=3))
    (said,) = sentences(desk, replace(acme, listen=replace(acme.listen, certificate=certificate, private_key=key)))
    assert said.startswith("TLS for mail clients: the certificate expires")


def test_locked_accounts_are_counted(desk: Desk, shop: Tenant) -> None:
    accounts.create(desk, shop, "yuki@acme.example")
    lockouts = SharedLockouts(desk.store, Limits(distinct_max=1), NOW.timestamp)
    lockouts.start()
    reserved = lockouts.reserve("acme", "yuki@acme.example", "digest")
    assert reserved.answer is Answer.GO
    lockouts.resolve("acme", "yuki@acme.example", reserved.bind_id, Result.WRONG)
    lockouts.stop(5)
    assert sentences(desk, shop) == ["accounts locked by wrong passwords: 1"]


def test_the_plot_ends_with_the_bucket_of_now(desk: Desk, shop: Tenant) -> None:
    found = overview(desk, nobody_live, shop)
    assert found.until - BUCKET <= NOW < found.until
    assert found.until.minute % 30 == 0


def test_a_part_that_fails_is_an_error_with_its_reason(desk: Desk, shop: Tenant) -> None:
    def ask(command: str, **_where: str) -> Any:
        token = {"healthy": False, "reason": "delegation_missing", "for_s": 90.0, "detail": "client id 1234"}
        return {"health": {"acme": {**HEALTH, "token": token}}} if command == "status" else []

    found = overview(desk, ask, shop)
    (problem,) = found.problems
    assert problem.weight is Weight.ERROR
    assert problem.sentence == f"access to Google (delegation) fails: {Reason.DELEGATION_MISSING.sentence}"
    assert [one.healthy for one in found.health] == [True, False, None]


def test_the_certificate_has_a_state_of_its_own(desk: Desk, shop: Tenant, acme: Tenant) -> None:
    assert overview(desk, nobody_live, shop).certificate is None
    assert overview(desk, nobody_live, acme).certificate is Weight.ERROR
