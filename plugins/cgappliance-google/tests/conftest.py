"""A running look-alike, and settings that lead to its token endpoint. Works unpatched and under gevent's patching."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cgappliance_google.key_file import ServiceAccountKey, read
from cgappliance_google.service_account import SETTINGS

from cgappliance.plugin_api import Secret, TenantContext
from cgappliance.testing.gmail import GmailLookAlike, ServiceAccount
from cgappliance.testing.lab.certificates import Authority, KeyPair

ADDRESS = "yuki@contract.example"
OTHER = "taro@contract.example"


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
