"""A tenant whose ways round the appliance are all closed, for tests to open one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from cgappliance.admin import accounts, credentials
from cgappliance.admin.autoconfig.records import records
from cgappliance.admin.autoconfig.table import mail_setup
from cgappliance.admin.autoconfig.thunderbird import render
from cgappliance.admin.bypass import Budget, Means, Report, examine
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, GoogleRefused
from cgappliance.model import Tenant
from cgappliance.store.vault import Vault
from tests.admin.autoconfig.tables import PORTS, FakeInternet
from tests.admin.conftest import NOW
from tests.admin.fake_customer import FakeCustomer
from tests.config.kit import write_pair
from tests.policy.factories import profile

YUKI, TARO, ADMIN = "yuki@acme.example", "taro@acme.example", "api@acme.example"


@dataclass
class Place:
    """The tenant and all that the report asks."""

    desk: Desk
    tenant: Tenant
    google: FakeCustomer
    internet: FakeInternet
    budget: Budget = field(default_factory=Budget)
    now_s: float = 0.0
    refused: GoogleRefused | None = None

    @contextmanager
    def lend(self, _tenant: Tenant) -> Iterator[GoogleAdministration]:
        if self.refused is not None:
            raise self.refused
        yield self.google

    def look(self) -> Report:
        means = Means(self.lend, self.internet, None, lambda: self.now_s)
        return examine(self.desk, self.tenant, means, self.budget)


@pytest.fixture
def place(desk: Desk, acme: Tenant, vault: Vault, tmp_path: Path) -> Place:
    certificate, key = write_pair(tmp_path, acme.listen.hostname)
    listen = replace(acme.listen, certificate=certificate, private_key=key, ports=dict(PORTS))
    tenant = replace(acme, listen=listen, profiles={"office": profile()})
    google = FakeCustomer(YUKI, TARO, ADMIN, sets_passwords=True)
    google.key_made = NOW - timedelta(days=12)
    for address in (YUKI, TARO):
        accounts.create(desk, tenant, address)
        credentials.reset(desk, tenant, address, vault, google)
    setup = mail_setup(tenant, {})
    srv = {f"SRV {one.name.rstrip('.')}": [one.value] for one in records(setup, "acme.example") if one.kind == "SRV"}
    pages = {"GET https://autoconfig.acme.example/mail/config-v1.1.xml": render(setup, "acme.example")}
    return Place(desk, tenant, google, FakeInternet(pages, srv))
