from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cgappliance.admin import accounts, newcomer
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import Provisioned
from cgappliance.administration import GoogleFault, GoogleRefused
from cgappliance.model import Tenant
from cgappliance.store.vault import Vault
from tests.admin.fake_customer import FakeCustomer

YUKI = "yuki@acme.example"

Provide = Callable[..., Provisioned | None]


@pytest.fixture
def provide(desk: Desk, acme: Tenant, vault: Vault) -> Provide:
    """Return a function that makes an account and asks what came of it at a Google."""

    def run(google: FakeCustomer | GoogleRefused, **options: bool) -> Provisioned | None:
        @contextlib.contextmanager
        def lend(_tenant: Tenant) -> Iterator[FakeCustomer]:
            if isinstance(google, GoogleRefused):
                raise google
            yield google

        tenant = replace(acme, default_profile="office")
        account = accounts.create(desk, tenant, YUKI)
        return newcomer.provide(desk, tenant, account, lend, lambda: vault, names=("", "Sato"), **options)

    return run


def test_nothing_is_asked_of_google_that_the_tenant_file_does_not_want(provide: Provide) -> None:
    google = FakeCustomer()
    assert provide(google) is None
    assert google.asked == []


def test_what_the_tenant_file_wants_is_done_for_a_user_who_is_there(provide: Provide) -> None:
    google = FakeCustomer(YUKI, sets_passwords=True)
    assert provide(google) == Provisioned(YUKI, ["password set"])


def test_a_missing_user_is_told_and_made_only_when_somebody_wants_it(provide: Provide) -> None:
    google = FakeCustomer(sets_passwords=True)
    told = provide(google)
    assert told is not None
    assert told.problem == "does not exist at Google"
    assert google.known == {}


def test_a_user_is_made_with_the_part_before_the_at_for_a_missing_name(provide: Provide) -> None:
    google = FakeCustomer(sets_passwords=True)
    assert provide(google, create=True) == Provisioned(YUKI, ["created", "password set"])
    assert google.names == {YUKI: "yuki Sato"}


def test_a_tenant_without_access_to_google_hears_of_it_only_if_asked(provide: Provide) -> None:
    assert provide(GoogleRefused(GoogleFault.NOT_CONFIGURED)) is None


def test_whoever_asked_hears_that_there_is_no_access(provide: Provide) -> None:
    told = provide(GoogleRefused(GoogleFault.NOT_CONFIGURED), asked=True)
    assert told is not None
    assert told.problem.startswith("Google: ")


def test_a_refusal_of_google_keeps_the_account(provide: Provide, desk: Desk, acme: Tenant) -> None:
    google = FakeCustomer(YUKI, sets_passwords=True)
    google.refuses[YUKI] = GoogleFault.FORBIDDEN
    told = provide(google)
    assert told is not None
    assert "may not do this" in told.problem
    assert accounts.show(desk, acme, YUKI).row.account.enabled
