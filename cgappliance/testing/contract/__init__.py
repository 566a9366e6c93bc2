"""Contract tests: what every authentication backend and every credential provider must do, whoever wrote it.

In the tests of your plugin::

    from cgappliance.testing.contract import ACCOUNTS, AuthBackendContract, DirectoryUnderTest

    class TestMyBackend(AuthBackendContract):
        kind = my_plugin.KIND

        @pytest.fixture
        def directory(self, tmp_path):
            with my_server(tmp_path, ACCOUNTS) as server:
                yield DirectoryUnderTest(settings={"url": server.url}, outage=server.stopped, stall=server.stalled)

A backend whose people can be listed inherits ``PeopleContract`` too. Run them as the appliance runs plugins,
under gevent: ``python -m gevent.monkey --module pytest``.
"""

# ruff: noqa: E402 - pytest must know of the modules before they are imported

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("backend", "people", "provider"))
)  # a failing assert shows its values

from cgappliance.testing.contract.backend import AuthBackendContract, DirectoryUnderTest
from cgappliance.testing.contract.common import ACCOUNTS, DOMAIN, Account, credentials
from cgappliance.testing.contract.people import PeopleContract
from cgappliance.testing.contract.provider import CredentialProviderContract, GoogleUnderTest

__all__ = [
    "ACCOUNTS",
    "DOMAIN",
    "Account",
    "AuthBackendContract",
    "CredentialProviderContract",
    "DirectoryUnderTest",
    "GoogleUnderTest",
    "PeopleContract",
    "credentials",
]
