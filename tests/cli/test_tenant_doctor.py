from __future__ import annotations

import json

import pytest

from cgappliance.admin.doctor import Finding, State
from cgappliance.testing.lab.process import free_port
from tests.admin.fake_customer import FakeCustomer
from tests.cli.conftest import Outside, Run
from tests.config.kit import Place, write_pair

FINDINGS = [
    Finding("seats", State.OK, "1 of 3 used"),
    Finding("delegation", State.PROBLEM, "a scope is missing", "grant it", "2.1.2", {"client_id": "1234"}),
    Finding("clock", State.WARNING, "40 s ahead of Google's", "set it"),
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the doctor finds."""
    found = list(FINDINGS)
    monkeypatch.setattr("cgappliance.cli.tenant_doctor.examine", lambda *_, **__: iter(found))
    return found


def test_findings_come_with_what_to_do_and_where_the_manual_has_it(office: Run, found: list[Finding]):
    result = office("tenant", "doctor", "acme")
    assert result.output.splitlines() == [
        "ok       seats            1 of 3 used",
        "PROBLEM  delegation       a scope is missing",
        "                          -> grant it (manual 2.1.2)",
        "warning  clock            40 s ahead of Google's",
        "                          -> set it",
    ]
    assert result.exit_code == 1


def test_warnings_alone_are_status_0(office: Run, found: list[Finding]):
    found.remove(FINDINGS[1])
    assert office("tenant", "doctor", "acme").exit_code == 0


def test_findings_as_json(office: Run, found: list[Finding]):
    result = office("tenant", "doctor", "acme", "--json")
    assert json.loads(result.output)[1] == {
        "topic": "delegation",
        "state": "problem",
        "sentence": "a scope is missing",
        "remedy": "grant it",
        "manual": "2.1.2",
        "details": {"client_id": "1234"},
    }
    assert result.exit_code == 1


@pytest.fixture
def here(office: Run, outside: Outside, place: Place) -> Run:
    """A tenant whose every server is on this machine, where none of them runs."""
    path = place.conf_d / "acme.toml"
    write_pair(place.root / "tls", "localhost")
    upstream = "".join(f'{name} = "127.0.0.1:{free_port()}"\n' for name in ("imaps", "pop3s", "smtps"))
    path.write_text(path.read_text().replace("acme.cloudgate.example", "localhost") + f"\n[upstream]\n{upstream}")
    return office


def test_real_doctor_prints_what_to_paste(here: Run, outside: Outside):
    outside.google = FakeCustomer()
    data = json.loads(here("tenant", "doctor", "acme", "--json").output)
    (delegation,) = (finding for finding in data if finding["topic"] == "delegation")
    assert delegation["details"] == {"client_id": "1234", "scopes": "mail,users"}


def test_doctor_works_without_the_key_file(here: Run, place: Place):
    (place.root / "store.key").unlink()
    assert "login at Gmail" in here("tenant", "doctor", "acme", "--account", "yuki@acme.example").output


def test_broken_tenant_file_is_told_instead(office: Run, place: Place):
    path = place.conf_d / "acme.toml"
    path.write_text(path.read_text().replace('"sso"', '"sos"'))
    result = office("tenant", "doctor", "acme")
    assert "edition: 'sos' is not a choice" in result.output
    assert result.exit_code == 1
