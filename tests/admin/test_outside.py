from __future__ import annotations

import pytest

from cgappliance.admin import outside
from cgappliance.administration import GoogleFault, GoogleRefused
from cgappliance.errors import CgapplianceError
from cgappliance.model import PluginChoice, Tenant
from cgappliance.plugin_api import BackendKind, ProviderKind, TenantContext
from cgappliance.plugins import Kinds
from tests.admin.fake_directory import FakeDirectory
from tests.policy.factories import tenant


def nothing(_context: TenantContext) -> object:
    raise AssertionError("no login is made here")


def kinds(directory=None, administration=None) -> Kinds:
    return Kinds(
        backends={"fake": BackendKind("fake", nothing, directory=directory)},
        providers={"fake": ProviderKind("fake", nothing, administration=administration)},
    )


@pytest.fixture
def acme() -> Tenant:
    return tenant(auth=PluginChoice("fake", {"a": 1}), google=PluginChoice("fake", {"b": 2}))


def test_directory_is_made_with_the_tenants_settings_and_closed(acme: Tenant) -> None:
    made = FakeDirectory()
    contexts = []

    def make(context: TenantContext) -> FakeDirectory:
        contexts.append(context)
        return made

    with outside.directory_of(kinds(directory=make), acme) as directory:
        assert directory is made
        assert not made.closed
    assert made.closed
    assert contexts == [TenantContext("acme", acme.domains, {"a": 1})]


def test_backend_that_cannot_list_its_people_says_what_to_do(acme: Tenant) -> None:
    with pytest.raises(CgapplianceError, match="account import"), outside.directory_of(kinds(), acme):
        pass


def test_backend_that_cannot_begin_is_an_operators_matter(acme: Tenant) -> None:
    def make(_context: TenantContext) -> FakeDirectory:
        raise FileNotFoundError("no CA file")

    with pytest.raises(CgapplianceError, match="cannot begin: no CA file"), outside.directory_of(kinds(directory=make), acme):
        pass


def test_directory_that_can_be_changed_is_lent_as_such(acme: Tenant) -> None:
    with outside.managed_directory_of(kinds(directory=lambda _: FakeDirectory()), acme) as directory:
        directory.set_disabled  # noqa: B018 - it has it


def test_directory_that_is_somebody_elses_is_not(acme: Tenant) -> None:
    class ReadOnly:
        def pages(self, _query): ...
        def find(self, _address): ...
        def check(self): ...
        def close(self) -> None: ...

    with (
        pytest.raises(CgapplianceError, match="make the change there"),
        outside.managed_directory_of(kinds(directory=lambda _: ReadOnly()), acme),
    ):
        pass


def test_provider_without_access_to_google_is_not_configured(acme: Tenant) -> None:
    with pytest.raises(GoogleRefused) as refused, outside.google_of(kinds(), acme):
        pass
    assert refused.value.fault is GoogleFault.NOT_CONFIGURED


def test_google_is_lent_and_closed(acme: Tenant) -> None:
    closed = []

    class Google:
        def close(self) -> None:
            closed.append(True)

    with outside.google_of(kinds(administration=lambda _: Google()), acme) as google:
        assert isinstance(google, Google)
    assert closed


class ReadOnly:
    """A directory that is managed elsewhere."""

    def close(self) -> None: ...


def broken(_context: TenantContext) -> object:
    raise OSError("no such file")


@pytest.mark.parametrize(
    ("make", "lists", "manages"),
    [
        (lambda _context: FakeDirectory(), True, True),
        (lambda _context: ReadOnly(), True, False),
        (broken, True, False),
        (None, False, False),
    ],
)
def test_what_can_be_done_with_a_directory_is_known_without_asking_it(acme: Tenant, make, lists: bool, manages: bool) -> None:
    found = kinds(directory=make)
    assert (outside.lists_people(found, acme), outside.manages_people(found, acme)) == (lists, manages)
