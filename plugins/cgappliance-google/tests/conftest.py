"""A running look-alike, and settings that lead to its token endpoint. Works unpatched and under gevent's patching."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from cgappliance_google.api import GoogleApi
from cgappliance_google.customer import SECURITY_SCOPE, SETTINGS_SCOPE, USER_SCOPE, GoogleCustomer
from cgappliance_google.endpoint import TokenEndpoint
from cgappliance_google.key_file import ServiceAccountKey, read
from cgappliance_google.service_account import SETTINGS

from cgappliance.plugin_api import GoogleSetup, Secret, TenantContext
from cgappliance.testing.gmail import GmailLookAlike, ServiceAccount
from cgappliance.testing.lab.certificates import Authority, KeyPair

ADDRESS = "yuki@contract.example"
OTHER = "taro@contract.example"
ADMIN = "admin@contract.example"


@dataclass
class Google:
    """The look-alike, with ``yuki`` and ``taro``, and the key file of its service account."""

    gmail: GmailLookAlike
    service_account: ServiceAccount
    authority: Authority
    address: str = ADDRESS
    other: str = OTHER

    @property
    def key_text(self) -> str:
        return self.gmail.key_json(self.service_account)

    @property
    def https_key_text(self) -> str:
        content = json.loads(self.key_text)
        return json.dumps({**content, "token_uri": f"https://localhost:{self.gmail.ports['https']}/token"})

    def key(self) -> ServiceAccountKey:
        return read(Secret(self.key_text))

    def settings(self, **changes: Any) -> dict[str, Any]:
        defaults = {setting.key: setting.default for setting in SETTINGS}
        return {**defaults, "service_account_file": Secret(self.key_text), **changes}

    def context(self, **changes: Any) -> TenantContext:
        return TenantContext("acme", frozenset({"contract.example"}), self.settings(**changes))

    @property
    def url(self) -> str:
        return self.gmail.token_uri.removesuffix("/token")

    def outcomes(self) -> list[str]:
        return [request.outcome for request in self.gmail.state.records.requests]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("google-ca"))


@pytest.fixture(scope="session")
def key_pair(authority: Authority) -> KeyPair:
    return authority.issue(file="google")


@pytest.fixture(scope="session")
def shared_service_account() -> ServiceAccount:
    """One key for all tests: making one costs a tenth of a second."""
    return ServiceAccount.generate()


@pytest.fixture(scope="session")
def rsa_text(shared_service_account: ServiceAccount) -> str:
    return shared_service_account.key_json("http://127.0.0.1/token")


@pytest.fixture
def google(authority: Authority, key_pair: KeyPair, shared_service_account: ServiceAccount) -> Iterator[Google]:
    with GmailLookAlike(key_pair) as gmail:
        for address in (ADDRESS, OTHER):
            gmail.state.directory.add(address)
        own = dataclasses.replace(shared_service_account, granted=set(shared_service_account.granted))
        service_account = gmail.state.add_service_account(own)
        yield Google(gmail, service_account, authority)


@dataclass
class Waits:
    """Stands for time: notes how long somebody would have waited, and is there at once."""

    waited: list[float] = dataclasses.field(default_factory=list)
    now: float = 1000.0

    def sleep(self, seconds: float) -> None:
        self.waited.append(round(seconds, 2))
        self.now += seconds

    def backoffs(self) -> list[float]:
        """Return the waits that are longer than the pace."""
        return [seconds for seconds in self.waited if seconds >= 1]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def api(google: Google, waits: Waits) -> Iterator[GoogleApi]:
    google.gmail.state.directory.add(ADMIN).admin = True
    api = GoogleApi(TokenEndpoint(google.key()), sleep=waits.sleep, jitter=lambda: 0.5, clock=lambda: waits.now)
    yield api
    api.close()


@pytest.fixture
def customer_of(google: Google, api: GoogleApi) -> Iterator[Callable[..., GoogleCustomer]]:
    """Returns the look-alike's customer, set up with changes."""
    with ExitStack() as stack:

        def customer(**changes: Any) -> GoogleCustomer:
            scopes = (USER_SCOPE, SECURITY_SCOPE, SETTINGS_SCOPE)
            setup = GoogleSetup(ADMIN, google.service_account.client_id, scopes, sets_passwords=True, enables_mail_access=True)
            made = GoogleCustomer(api, dataclasses.replace(setup, **changes), directory_url=google.url, gmail_url=google.url)
            stack.callback(made.close)
            return made

        yield customer


@pytest.fixture
def customer(customer_of: Callable[..., GoogleCustomer]) -> GoogleCustomer:
    return customer_of()
