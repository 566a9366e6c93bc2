"""A directory behind the site of ``tests/web``: a real OpenLDAP or a real domain controller, as a tenant's ``[auth]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from cgappliance.model import PluginChoice
from cgappliance.plugins import discover
from cgappliance.secret import Secret
from cgappliance.testing.lab import samba, samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.samba import SambaAd
from cgappliance.testing.lab.slapd import Slapd
from tests.web.site import TestSite


@dataclass(frozen=True)
class Directory:
    """How a tenant asks it."""

    backend: str
    settings: dict[str, Any]
    domain: str

    def behind(self, site: TestSite, **changes: Any) -> None:
        """Make it that of the site's tenant."""
        choice = PluginChoice(self.backend, MappingProxyType(self.settings))
        site.set_tenant(auth=choice, domains=frozenset({self.domain}), **changes)
        site.client.set_cookie("cg-language", "en")


def openldap(server: Slapd) -> Directory:
    own = {"servers": (server.ldaps_url,), "ca_file": server.ca_file, "base_dn": server.base_dn}
    return _directory("openldap", "lab.test", own, server.bind_dn, server.bind_password)


def active_directory(controller: SambaAd) -> Directory:
    own = {"servers": (controller.ldaps_url,), "ca_file": controller.ca_file, "base_dn": samba_domain.BASE_DN}
    service = samba_domain.SERVICE
    return _directory("active-directory", samba_domain.MAIL_DOMAIN, own, service.dn, service.password)


def _directory(backend: str, domain: str, own: dict[str, Any], bind_dn: str, password: str) -> Directory:
    defaults = {setting.key: setting.default for setting in discover().backends[backend].settings}
    return Directory(backend, defaults | own | {"bind_dn": bind_dn, "bind_password_file": Secret(password)}, domain)


@contextmanager
def domain_controller(folder: Path) -> Iterator[SambaAd]:
    """Run one, or skip the test where none can run."""
    if reason := samba.unavailable():
        pytest.skip(reason)
    with SambaAd(folder / "ad", Authority(folder)) as controller:
        yield controller
