"""Passwords that their owners change on the web page, at a real OpenLDAP and a real domain controller.

From the login that is refused because the password must be changed, over the page, to the mail login with the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cgappliance.model import Reason
from cgappliance.plugin_api import TenantContext
from cgappliance.plugins import discover
from cgappliance.testing.contract.common import credentials
from cgappliance.testing.lab import samba_domain
from cgappliance.testing.lab.slapd import Person, Slapd
from tests.web.conftest import site
from tests.web.site import TestSite, text_of

from . import companies
from .companies import Directory

__all__ = ["site"]

pytestmark = pytest.mark.integration

OLD, NEW = "Old.passw0rd", "Brand-new.passw0rd"


@dataclass
class Company:
    """A tenant's directory with somebody who must change his password."""

    directory: Directory
    address: str

    def log_in(self, password: str) -> Reason:
        """Return what a mail login would be told."""
        own = self.directory
        made = discover().backends[own.backend].make(TenantContext("acme", frozenset({own.domain}), own.settings))
        made.start()
        try:
            return made.authenticate(credentials(self.address, password), 10.0).reason
        finally:
            made.stop()


def openldap(folder: Path) -> Iterator[Company]:
    person = Person("reset@lab.test", OLD, must_change=True)
    with Slapd(folder / "slapd", people=[person]) as server:
        yield Company(companies.openldap(server), person.address)


def active_directory(folder: Path) -> Iterator[Company]:
    with companies.domain_controller(folder) as controller:
        user = samba_domain.AdUser("webmust", OLD)
        controller.add(user)
        controller.modify(samba_domain.BASE_DN, "pwdProperties: 1", "minPwdLength: 9", "pwdHistoryLength: 3", "minPwdAge: 0")
        controller.modify(user.dn, "pwdLastSet: 0")
        yield Company(companies.active_directory(controller), user.mail)


@pytest.fixture(params=[openldap, active_directory], ids=["openldap", "active-directory"])
def company(request: pytest.FixtureRequest, tmp_path: Path, site: TestSite) -> Iterator[Company]:
    make: Callable[[Path], Iterator[Company]] = request.param
    (tmp_path / "directory").mkdir()
    for found in make(tmp_path / "directory"):
        site.services.own._kinds = discover()
        found.directory.behind(site)
        yield found
        site.services.own.forget({})


def test_who_must_change_his_password_does_so_on_the_page(site: TestSite, company: Company) -> None:
    assert company.log_in(OLD) is Reason.PASSWORD_MUST_CHANGE

    page = site.post("/acme/login", {"address": company.address, "password": OLD}, form="/acme/login")
    assert "has to be changed before you can go on" in text_of(page)
    typed = {"address": company.address, "old": OLD, "new": NEW, "again": NEW, "action": "change"}
    answer = site.post("/acme/password", typed, form="/acme/password")

    assert (answer.status_code, answer.location) == (303, "/acme/password/changed")
    assert "counts from now on" in text_of(site.get(answer.location))
    assert (company.log_in(NEW), company.log_in(OLD)) == (Reason.ACCEPTED, Reason.WRONG_PASSWORD)


def change(site: TestSite, company: Company, old: str, new: str) -> str:
    """Fill the form in, and return what the page then says."""
    typed = {"address": company.address, "old": old, "new": new, "again": new, "action": "change"}
    answer = site.post("/acme/password", typed, form="/acme/password")
    return text_of(site.get(answer.location) if answer.status_code == 303 else answer)


@pytest.mark.parametrize("company", [active_directory], ids=["active-directory"], indirect=True)
def test_each_rule_of_a_domain_is_shown_and_its_refusal_explained(site: TestSite, company: Company) -> None:
    assert "counts from now on" in change(site, company, OLD, NEW)  # he must change, and is logged in then
    rules = text_of(site.get("/acme/password"))
    assert "At least 9 characters." in rules
    assert "At least 3 kinds of these: upper case, lower case, digits, others" in rules
    assert "None of your last 3 passwords." in rules
    assert "The new password is too short." in change(site, company, NEW, "aB3")
    assert "The new password is too simple." in change(site, company, NEW, "alllowercase")
    assert "You have used this password before." in change(site, company, NEW, OLD)
    assert company.log_in(NEW) is Reason.ACCEPTED
    assert "counts from now on" in change(site, company, NEW, "Another.passw0rd-9")


def test_a_wrong_present_password_changes_nothing(site: TestSite, company: Company) -> None:
    typed = {"address": company.address, "old": "wrong", "new": NEW, "again": NEW, "action": "change"}
    assert site.post("/acme/password", typed, form="/acme/password").status_code == 403
    assert company.log_in(OLD) is Reason.PASSWORD_MUST_CHANGE
