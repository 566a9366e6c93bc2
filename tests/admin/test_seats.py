from __future__ import annotations

from dataclasses import replace

import pytest

from cgappliance.admin import accounts, profiles, seats
from cgappliance.admin.desk import Desk
from cgappliance.model import MailProtocol, ProfileRule, Tenant
from cgappliance.store.errors import LimitReached

DENY = ProfileRule(False, frozenset(MailProtocol))
ALLOW = ProfileRule(True, frozenset({MailProtocol.IMAP}))


def used(desk: Desk, acme: Tenant) -> int:
    with desk.store.read() as connection:
        return seats.count(connection, acme).used


def test_a_seat_is_taken_by_who_is_enabled_and_may_use_some_protocol(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "none", [DENY])
    for name, values in {"a": {"profile": "office"}, "b": {"profile": "none"}, "c": {}, "d": {"enabled": False}}.items():
        accounts.create(desk, acme, f"{name}@acme.example", **values)
    assert used(desk, acme) == 1


def test_a_profile_that_no_longer_exists_takes_no_seat(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, "a@acme.example", profile="office")
    assert used(desk, replace(acme, profiles={})) == 0


def test_rules_that_give_mail_access_to_more_than_there_are_seats_are_refused(desk: Desk, acme: Tenant) -> None:
    profiles.create(desk, acme, "none", [DENY])
    for number in range(4):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="none")
    with pytest.raises(LimitReached, match="4 accounts"):
        profiles.edit(desk, acme, "none", [ALLOW])
    assert used(desk, acme) == 0


def test_without_a_number_in_the_contract_there_is_no_limit(desk: Desk, acme: Tenant) -> None:
    unlimited = replace(acme, seats=None)
    for number in range(5):
        accounts.create(desk, unlimited, f"u{number}@acme.example", profile="office")
    assert used(desk, unlimited) == 5
