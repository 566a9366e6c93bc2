"""The contract brings most of the tests. Run them with ``python -m gevent.monkey --module pytest``."""

import pytest
from cgappliance_example import cgappliance_auth_backends, check

from cgappliance.plugin_api import Secret
from cgappliance.testing.contract import Account, AuthBackendContract, DirectoryUnderTest

PASSWORD = "one for all: 秘密"
KIND = cgappliance_auth_backends()[0]


class TestOnePassword(AuthBackendContract):
    kind = KIND

    @pytest.fixture
    def directory(self) -> DirectoryUnderTest:
        return DirectoryUnderTest(
            settings={"password_file": Secret(PASSWORD), "minimum_length": 8},
            accounts=[Account("yuki@contract.example", PASSWORD), Account("ken@contract.example", PASSWORD)],
            unknown_address=None,  # there is no directory, so nobody is unknown, and nothing can be down or slow
        )


def test_short_password_is_a_mistake() -> None:
    mistakes = check({"password_file": Secret("short"), "minimum_length": 8})
    assert [(mistake.key, mistake.problem) for mistake in mistakes] == [("password_file", "the password has 5 characters")]
