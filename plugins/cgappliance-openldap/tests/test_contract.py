from collections.abc import Callable
from typing import Any

import pytest
from cgappliance_openldap import cgappliance_auth_backends

from cgappliance.plugin_api import Reason
from cgappliance.testing.contract import Account, AuthBackendContract, DirectoryUnderTest, PeopleContract
from cgappliance.testing.lab.slapd import Person, Slapd

pytestmark = pytest.mark.integration

REFUSED = {"reset": Reason.PASSWORD_MUST_CHANGE, "locked": Reason.LOCKED, "expired": Reason.PASSWORD_EXPIRED}


class TestOpenLdap(AuthBackendContract, PeopleContract):
    kind = cgappliance_auth_backends()[0]

    @pytest.fixture(params=["ldaps", "starttls"])
    def directory(
        self,
        request: pytest.FixtureRequest,
        slapd: Slapd,
        settings_of: Callable[..., dict[str, Any]],
        somebody: dict[str, Person],
    ) -> DirectoryUnderTest:
        starttls = request.param == "starttls"
        return DirectoryUnderTest(
            settings=settings_of(slapd, starttls=starttls, servers=(slapd.ldap_url if starttls else slapd.ldaps_url,)),
            refused={reason: Account(somebody[word].address, somebody[word].password) for word, reason in REFUSED.items()},
            outage=slapd.stopped,
            stall=slapd.stalled,
        )
