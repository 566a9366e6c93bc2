"""The dashboard: what is wrong stands first, and all that the contract and the day say is there."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cgappliance.model import Reason
from tests.web.site import TestSite, text_of

ENGLISH = {"Accept-Language": "en"}
PAGE = "/acme/admin/"
WELL: dict[str, Any] = {"healthy": True, "reason": "accepted", "for_s": 3600.0}


def dashboard(site: TestSite) -> str:
    site.enter()
    return text_of(site.get(PAGE, headers=ENGLISH))


def test_health_is_what_the_appliance_knows(site: TestSite) -> None:
    site.appliance.health = {"directory": WELL, "upstream": WELL}
    text = dashboard(site)
    assert "✓ works Directory for 1 h 0 min" in text
    assert "– not known yet Access to Google (delegation)" in text


@pytest.mark.parametrize(
    ("part", "reason", "said"),
    [
        ("directory", Reason.DIRECTORY_TIMEOUT, "the directory fails: the directory did not answer in time"),
        ("token", Reason.DELEGATION_MISSING, "access to Google (delegation) fails: domain-wide delegation"),
        ("upstream", Reason.UPSTREAM_TLS, "Gmail fails: Gmail's certificate"),
    ],
)
def test_what_fails_stands_first_with_its_reason(site: TestSite, part: str, reason: Reason, said: str) -> None:
    site.appliance.health = {part: {"healthy": False, "reason": reason.value, "for_s": 90.0, "detail": "ldaps://dc1 secret place"}}
    text = dashboard(site)
    assert text.index(said) < text.index("live sessions")
    assert "✕ fails" in text
    assert "dc1" not in text  # the detail is the operator's


def test_what_the_contract_says_is_there(site: TestSite) -> None:
    site.set_tenant(starts_on=date(2026, 4, 1), ends_on=date(2027, 3, 31))
    text = dashboard(site)
    wanted = (
        "April 1, 2026 – March 31, 2027",
        "Seats 10",
        "acme.cloudgate.example",
        "IMAPS 10993",
        "/acme/password",
        "/acme/setup",
    )
    assert [said for said in wanted if said not in text] == []


def test_what_fails_is_said_in_japanese(site: TestSite) -> None:
    site.appliance.health = {"token": {"healthy": False, "reason": "delegation_missing", "for_s": 90.0}}
    site.enter()
    text = text_of(site.get(PAGE, headers={"Accept-Language": "ja"}))
    assert "Google へのアクセス（委任）に異常があります: Google 側でドメイン全体の委任またはスコープが許可されていません" in text
