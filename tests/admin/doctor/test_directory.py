from __future__ import annotations

from collections.abc import Sequence

import pytest

from cgappliance.admin.doctor.directory import look_at_directory
from cgappliance.administration import ServerCheck
from cgappliance.model import Reason, Tenant
from cgappliance.plugin_api import BackendKind, TenantContext
from cgappliance.plugins import Kinds
from tests.admin.doctor.reading import kinds, only, told
from tests.admin.fake_directory import FakeDirectory

GOOD = ServerCheck("ldaps://a", Reason.ACCEPTED)
DOWN = ServerCheck("ldaps://b", Reason.DIRECTORY_UNAVAILABLE, "Connection refused")
SLOW = ServerCheck("ldaps://b", Reason.DIRECTORY_TIMEOUT, "no answer in time")
REFUSES = ServerCheck("ldaps://b", Reason.DIRECTORY_MISCONFIGURED, "Invalid credentials")


class Checked(FakeDirectory):
    def __init__(self, *checks: ServerCheck) -> None:
        super().__init__()
        self.checks = checks

    def check(self) -> Sequence[ServerCheck]:
        return self.checks


@pytest.mark.parametrize(
    ("checks", "states"),
    [
        ((GOOD,), ["ok"]),
        ((GOOD, DOWN), ["ok", "warning"]),
        ((GOOD, SLOW), ["ok", "warning"]),
        ((GOOD, REFUSES), ["ok", "problem"]),
        ((DOWN,), ["problem"]),
        ((DOWN, SLOW), ["problem", "problem"]),
    ],
)
def test_server_that_another_one_stands_in_for_is_a_warning(
    acme: Tenant, checks: tuple[ServerCheck, ...], states: list[str]
) -> None:
    directory = Checked(*checks)
    assert [state for state, _ in told(look_at_directory(kinds(directory), acme))] == states
    assert directory.closed


@pytest.mark.parametrize(("check", "remedy"), [(DOWN, "auth.ca_file"), (SLOW, "firewall"), (REFUSES, "bind_dn")])
def test_each_cause_has_its_remedy(acme: Tenant, check: ServerCheck, remedy: str) -> None:
    finding = only(look_at_directory(kinds(Checked(check)), acme))
    assert remedy in finding.remedy
    assert check.detail in finding.sentence


def test_backend_that_cannot_be_asked_is_no_fault(acme: Tenant) -> None:
    assert told(look_at_directory(kinds(), acme)) == [("skipped", "directory")]


def test_backend_that_cannot_begin_is_a_problem(acme: Tenant) -> None:
    def make(_context: TenantContext) -> FakeDirectory:
        raise FileNotFoundError("no CA file")

    broken = Kinds({"fake": BackendKind("fake", make, directory=make)})
    assert told(look_at_directory(broken, acme)) == [("problem", "directory")]
