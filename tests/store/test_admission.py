from __future__ import annotations

from dataclasses import replace

import gevent
import pytest

from cgappliance.model import Reason, Tenant
from cgappliance.store import accounts, audit
from cgappliance.store.admission import admit
from cgappliance.store.engine import Store
from tests.policy.factories import profile, tenant
from tests.store.people import NOW

YUKI = "yuki@acme.example"


@pytest.fixture
def acme() -> Tenant:
    return tenant(seats=2, profiles={"office": profile()}, default_profile="office")


def addresses(store: Store) -> list[str]:
    with store.read() as connection:
        return [account.address for account in accounts.walk(connection, "acme")]


def test_a_first_login_makes_an_account_that_the_audit_log_has(store: Store, acme: Tenant) -> None:
    assert admit(store, acme, YUKI, "cn=yuki", NOW) is Reason.ACCEPTED
    with store.read() as connection:
        account = accounts.get(connection, "acme", YUKI)
    assert (account.identity, account.profile, account.enabled) == ("cn=yuki", "", True)
    (entry,) = audit.page(store, audit.Filter())
    assert (entry.actor, entry.origin, entry.action, entry.target) == ("cgappliance", "first login", "account.create", YUKI)


def test_when_no_seat_is_left_nobody_new_is_let_in(store: Store, acme: Tenant) -> None:
    for name in ("a", "b"):
        assert admit(store, acme, f"{name}@acme.example", "", NOW) is Reason.ACCEPTED
    assert admit(store, acme, YUKI, "", NOW) is Reason.NO_SEAT
    assert addresses(store) == ["a@acme.example", "b@acme.example"]


def test_who_has_an_account_is_let_in_though_no_seat_is_left(store: Store, acme: Tenant) -> None:
    admit(store, acme, YUKI, "", NOW)
    assert admit(store, replace(acme, seats=1), YUKI, "", NOW) is Reason.ACCEPTED


def test_two_devices_at_once_make_one_account(store: Store, acme: Tenant) -> None:
    greenlets = [gevent.spawn(admit, store, acme, YUKI, "", NOW) for _ in range(4)]
    assert [greenlet.get(timeout=10) for greenlet in greenlets] == [Reason.ACCEPTED] * 4
    assert addresses(store) == [YUKI]


def test_many_at_once_take_no_more_seats_than_there_are(store: Store, acme: Tenant) -> None:
    greenlets = [gevent.spawn(admit, store, acme, f"u{number}@acme.example", "", NOW) for number in range(6)]
    reasons = [greenlet.get(timeout=10) for greenlet in greenlets]
    assert (reasons.count(Reason.ACCEPTED), reasons.count(Reason.NO_SEAT)) == (2, 4)
