"""Administrators by directory group, at a real OpenLDAP and a real domain controller: who enters, and with which role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from cgappliance.model import AdminSite
from cgappliance.plugins import discover
from cgappliance.store.administrators import Role
from cgappliance.testing.lab import samba_domain
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.slapd_data import dn_of, group_dn
from tests.web.conftest import site
from tests.web.site import TestSite, text_of

from . import companies
from .companies import Directory

__all__ = ["site"]

pytestmark = pytest.mark.integration

PASSWORD = "Right-passw0rd-7c1f"
INNER = "mail admins of the branch"  #: in Active Directory a group in a group gives the role too
GROUPS = {Role.ADMINISTRATOR: "mail admins (all)", Role.HELPDESK: "help desk", Role.AUDITOR: "auditors"}


@dataclass
class Company:
    """A tenant's directory; ``boss`` and ``both`` are administrators, ``desk`` is of the help desk, ``nobody`` in no group."""

    directory: Directory
    group: Callable[[str], str]
    leave: Callable[[str], None]  #: takes somebody out of the administrators' group


def openldap(folder: Path) -> Iterator[Company]:
    admins, desk, auditors = GROUPS.values()
    groups = {"boss": (admins,), "both": (auditors, admins), "desk": (desk,), "reader": (auditors,), "nobody": ()}
    people = [Person(f"{name}@lab.test", PASSWORD, groups=found) for name, found in groups.items()]
    with Slapd(folder / "slapd", people=people) as server:

        def leave(name: str) -> None:
            entry = dn_of(next(person for person in people if person.address.startswith(name)))
            server.modify(f"dn: {group_dn(admins)}\nchangetype: modify\ndelete: member\nmember: {entry}\n")

        yield Company(companies.openldap(server), group_dn, leave)


def active_directory(folder: Path) -> Iterator[Company]:
    with companies.domain_controller(folder) as controller:
        users = {name: samba_domain.AdUser(f"web{name}", PASSWORD) for name in ("boss", "both", "desk", "reader", "nobody")}
        controller.add(*users.values())
        admins, desk, auditors = GROUPS.values()
        members = {INNER: ("boss",), desk: ("desk",), auditors: ("both", "reader")}
        for name, inside in members.items():
            controller.add_group(ad_group(name), *(users[one].dn for one in inside))
        controller.add_group(ad_group(admins), ad_group(INNER), users["both"].dn)

        def leave(_name: str) -> None:
            controller.modify(ad_group(INNER), f"member: {users['both'].dn}")

        yield Company(companies.active_directory(controller), ad_group, leave)


def ad_group(name: str) -> str:
    return f"CN={name},{samba_domain.GROUPS_DN}"


@pytest.fixture(params=[openldap, active_directory], ids=["openldap", "active-directory"])
def company(request: pytest.FixtureRequest, tmp_path: Path, site: TestSite) -> Iterator[Company]:
    make: Callable[[Path], Iterator[Company]] = request.param
    (tmp_path / "directory").mkdir()
    for found in make(tmp_path / "directory"):
        admins, desk, auditors = map(found.group, GROUPS.values())
        groups = AdminSite(administrators_group=admins, helpdesk_group=desk, auditors_group=auditors)
        site.services.entrance._kinds = discover()
        found.directory.behind(site, admin_site=groups)
        yield found
        site.services.entrance.forget({})


def enter(site: TestSite, company: Company, name: str, password: str = PASSWORD) -> TestResponse:
    prefix = "web" if company.directory.backend == "active-directory" else ""
    site.client.delete_cookie("__Host-cg-admin-acme", path="/")
    return site.post("/acme/admin/login", {"name": f"{prefix}{name}@{company.directory.domain}", "password": password})


def test_a_directory_group_gives_its_role(site: TestSite, company: Company) -> None:
    for name, role in {"boss": "Administrator", "both": "Administrator", "desk": "Help desk", "reader": "Auditor"}.items():
        assert enter(site, company, name).status_code == 303
        assert role in text_of(site.get("/acme/admin/")), name


def test_who_is_in_no_group_or_has_another_password_stays_outside(site: TestSite, company: Company) -> None:
    tries = {"nobody": PASSWORD, "boss": "wrong", "unknown": PASSWORD}
    pages = {name: enter(site, company, name, password) for name, password in tries.items()}
    assert {page.status_code for page in pages.values()} == {403}
    assert len({page.text.replace(name, "") for name, page in pages.items()}) == 1  # nobody learns who exists


def test_who_has_left_the_group_enters_no_more(site: TestSite, company: Company) -> None:
    assert enter(site, company, "boss").status_code == 303
    company.leave("boss")
    assert enter(site, company, "boss").status_code == 403
