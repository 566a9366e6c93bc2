"""The contract of all backends, at a real domain controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cgappliance_active_directory
import pytest

from cgappliance.plugin_api import Reason
from cgappliance.testing.contract import ACCOUNTS, Account, AuthBackendContract, DirectoryUnderTest, PeopleContract
from cgappliance.testing.lab import samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.samba import SambaAd
from cgappliance.testing.lab.samba_domain import AdUser

pytestmark = pytest.mark.integration

REFUSED = {
    Reason.DISABLED: samba_domain.DISABLED,
    Reason.LOCKED: samba_domain.LOCKED,
    Reason.ACCOUNT_EXPIRED: samba_domain.ACCOUNT_EXPIRED,
    Reason.PASSWORD_EXPIRED: samba_domain.PASSWORD_EXPIRED,
    Reason.PASSWORD_MUST_CHANGE: samba_domain.MUST_CHANGE,
    Reason.LOGON_HOURS: samba_domain.NO_HOURS,
    Reason.WORKSTATION: samba_domain.OTHER_WORKSTATION,
}


@pytest.fixture(scope="module")
def contract_ad(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaAd]:
    controller = SambaAd(tmp_path_factory.mktemp("contract") / "ad", authority)
    controller.add(
        *(AdUser(f"contract{number}", account.password, address=account.address) for number, account in enumerate(ACCOUNTS))
    )
    with controller:
        yield controller


class TestActiveDirectory(AuthBackendContract, PeopleContract):
    (kind,) = cgappliance_active_directory.cgappliance_auth_backends()
    starttls = False

    @pytest.fixture
    def directory(self, contract_ad: SambaAd, settings: Callable[..., dict[str, Any]]) -> DirectoryUnderTest:
        @contextmanager
        def outage() -> Iterator[None]:
            contract_ad.stop()
            yield
            contract_ad.start()

        @contextmanager
        def stall() -> Iterator[None]:
            contract_ad.process.stall()
            yield
            contract_ad.process.resume()

        url = contract_ad.ldap_url if self.starttls else contract_ad.ldaps_url
        refused = {reason: Account(user.mail, user.password) for reason, user in REFUSED.items()}
        good = settings(contract_ad, servers=(url,), starttls=self.starttls)
        return DirectoryUnderTest(good, refused=refused, outage=outage, stall=stall)


class TestActiveDirectoryByStartTls(TestActiveDirectory):
    starttls = True
