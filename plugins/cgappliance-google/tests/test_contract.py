"""The three providers do what every credential provider must: ``python -m gevent.monkey --module pytest``."""

from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from cgappliance_google import cgappliance_credential_providers

from cgappliance.plugin_api import CredentialProvider, Reason
from cgappliance.testing.contract import CredentialProviderContract, GoogleUnderTest

pytestmark = pytest.mark.integration

KINDS = {kind.name: kind for kind in cgappliance_credential_providers()}
UNKNOWN = "nobody@contract.example"


class TestServiceAccount(CredentialProviderContract):
    kind = KINDS["service-account"]

    @pytest.fixture
    def google(self, google) -> GoogleUnderTest:
        self.state = state = google.gmail.state
        undelegated = state.directory.add("undelegated@contract.example")
        undelegated.switches.token_error = "unauthorized_client"

        @contextmanager
        def outage():
            google.gmail.stop()
            yield
            google.gmail.start()

        @contextmanager
        def stall():
            state.token_endpoint.delay_s = 5.0
            yield
            state.token_endpoint.delay_s = 0.0

        refused = {Reason.GOOGLE_USER_UNKNOWN: UNKNOWN, Reason.DELEGATION_MISSING: undelegated.address}
        return GoogleUnderTest(google.settings(), [google.address, google.other], refused, outage, stall)

    def test_hundred_logins_at_once_make_one_request(self, google: GoogleUnderTest, provider: CredentialProvider) -> None:
        self.state.token_endpoint.delay_s = 0.2
        logins = [gevent.spawn(self.grant, provider, google.addresses[0]) for _ in range(100)]
        gevent.joinall(logins, timeout=10)

        assert len({login.value.secret.reveal() for login in logins}) == 1
        assert len(self.state.records.requests) == 1


class PasswordContract(CredentialProviderContract):
    @pytest.fixture
    def google(self, tmp_path: Path) -> GoogleUnderTest:
        path = tmp_path / "passwords.toml"
        path.write_text('"yuki@contract.example" = "abcd efgh ijkl mnop"\n"taro@contract.example" = "qrst uvwx yzab cdef"\n')
        path.chmod(0o640)
        addresses = ["yuki@contract.example", "taro@contract.example"]
        settings = {setting.key: setting.default for setting in self.kind.settings}
        return GoogleUnderTest({**settings, "passwords_file": path}, addresses, {Reason.NO_CREDENTIAL: UNKNOWN})


class TestAppPassword(PasswordContract):
    kind = KINDS["app-password"]


class TestManagedPassword(PasswordContract):
    kind = KINDS["managed-password"]
