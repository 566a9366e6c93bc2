from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cgappliance.administration import AppPassword, GoogleUser
from tests.admin.autoconfig.tables import FakeInternet
from tests.admin.fake_customer import FakeCustomer
from tests.cli.conftest import Outside, Run

YUKI = "yuki@acme.example"


@pytest.fixture
def google(office: Run, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> FakeCustomer:
    """Yuki's Google password is the appliance's, or nearly."""
    monkeypatch.setattr("cgappliance.cli.tenant_bypass.Outside", FakeInternet)
    google = outside.google = FakeCustomer(YUKI, sets_passwords=True)
    google.known["api@acme.example"] = GoogleUser("id of api", "api@acme.example", is_admin=True)
    google.key_made = datetime.now(UTC)
    assert office("account", "create", "acme", YUKI).exit_code == 0
    assert office("credential", "reset", "acme", YUKI).exit_code == 0
    return google


def test_nothing_open_is_status_0(office: Run, google: FakeCustomer):
    result = office("tenant", "bypass", "acme")
    assert "  closed   accounts whose Google password only the appliance knows: 1" in result.output
    assert "OPEN" not in result.output
    assert result.exit_code == 0


def test_open_way_is_status_1_and_says_whom_and_what_to_do(office: Run, google: FakeCustomer):
    google.apps[f"id of {YUKI}"] = [AppPassword(7, "old phone", None, None)]
    result = office("tenant", "bypass", "acme")
    lines = result.output.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  OPEN"))
    assert lines[at + 1].strip() == f"{YUKI}: old phone"
    assert lines[at + 2].strip().startswith("-> revoke them")
    assert result.exit_code == 1


def test_report_as_json(office: Run, google: FakeCustomer):
    google.surplus = ["drive"]
    result = office("tenant", "bypass", "acme", "--json")
    data = json.loads(result.output)
    (found,) = (one for one in data["findings"] if one["state"] == "open")
    assert (data["open"], found["way"], found["lines"], result.exit_code) == (True, "delegation", ["drive"], 1)


def test_number_of_accounts_is_bounded_and_told(office: Run, google: FakeCustomer):
    google.known["taro@acme.example"] = GoogleUser("id of taro", "taro@acme.example")
    assert office("account", "create", "acme", "taro@acme.example").exit_code == 0
    assert "the time was over: 1" in office("tenant", "bypass", "acme", "--accounts", "1").output
    assert office("tenant", "bypass", "acme", "--accounts", "0").exit_code == 2
