from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from cgappliance.model import MailProtocol, ProfileRule, Tenant
from cgappliance.store import accounts, changes, seats
from cgappliance.store.accounts import NewAccount
from cgappliance.store.engine import Store
from cgappliance.store.errors import LimitReached
from tests.policy.factories import profile, tenant
from tests.store.people import NOW, add_account, add_profile

DENY = ProfileRule(False, frozenset(MailProtocol))


@pytest.fixture
def acme() -> Tenant:
    return tenant(seats=2, profiles={"office": profile()})


def used(store: Store, acme: Tenant) -> int:
    with store.read() as connection:
        return seats.count(connection, acme).used


def add_within_seats(store: Store, acme: Tenant, address: str, own: str = "office") -> None:
    with changes.change(store) as transaction, seats.kept(transaction.connection, acme):
        accounts.add(transaction, NewAccount(acme.id, address, profile=own), by="test", now=NOW)


def test_a_seat_is_taken_by_who_is_enabled_and_may_use_some_protocol(store: Store, acme: Tenant) -> None:
    add_profile(store, "none", DENY)
    for name, values in {
        "a": {"profile": "office"},
        "b": {"profile": "none"},
        "c": {},
        "d": {"profile": "office", "enabled": False},
        "e": {"profile": "no longer there"},
    }.items():
        add_account(store, f"{name}@acme.example", **values)
    assert used(store, acme) == 1
    assert used(store, replace(acme, default_profile="office")) == 2


def test_a_profile_made_here_gives_access_as_one_of_the_file_does(store: Store, acme: Tenant) -> None:
    add_profile(store, "home")
    add_account(store, "a@acme.example", profile="home")
    assert used(store, acme) == 1


def test_one_more_than_the_contract_has_is_refused_and_undone(store: Store, acme: Tenant) -> None:
    for name in "ab":
        add_within_seats(store, acme, f"{name}@acme.example")
    with pytest.raises(LimitReached, match="3 accounts would have mail access, and the contract has 2 seats"):
        add_within_seats(store, acme, "c@acme.example")
    add_within_seats(store, acme, "d@acme.example", own="")  # takes none
    assert used(store, acme) == 2


def test_what_takes_no_further_seat_works_though_there_are_too_many(store: Store, acme: Tenant) -> None:
    for name in "ab":
        add_within_seats(store, acme, f"{name}@acme.example")
    add_within_seats(store, replace(acme, seats=1), "c@acme.example", own="")
    with contextlib.suppress(LimitReached):
        add_within_seats(store, replace(acme, seats=1), "d@acme.example")
    assert used(store, acme) == 2


def test_without_a_number_in_the_contract_there_is_no_limit(store: Store, acme: Tenant) -> None:
    for name in "abcd":
        add_within_seats(store, replace(acme, seats=None), f"{name}@acme.example")
    assert used(store, acme) == 4
