"""Orders and answers between nodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cgappliance.store import backup, changes, orders
from cgappliance.store.changes import Change, ChangeFeed, Kind
from cgappliance.store.engine import Store

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
KICK = {"where": {"account": "yuki@acme.example"}}


def given(store: Store, seen: int, node: str, now: datetime = NOW) -> list[orders.Order]:
    with store.read() as connection:
        return orders.given_since(connection, seen, node, now)


def test_other_nodes_hear_of_an_order_and_its_giver_does_not(store: Store) -> None:
    number = orders.give(store, "mail1", "kick", KICK, NOW)
    assert given(store, 0, "mail2") == [orders.Order(number, "mail1", "kick", KICK)]
    assert given(store, 0, "mail1") == []
    assert given(store, number, "mail2") == []


def test_orders_come_in_the_order_in_which_they_were_given(store: Store) -> None:
    numbers = [orders.give(store, "mail1", "kick", KICK, NOW) for _ in range(3)]
    assert [order.id for order in given(store, 0, "mail2")] == numbers == sorted(numbers)
    with store.read() as connection:
        assert orders.latest(connection) == numbers[-1]


def test_an_order_is_a_change_that_wakes_the_processes_up(store: Store) -> None:
    heard: list[Change] = []
    with store.read() as connection:
        feed = ChangeFeed(store, lambda found: heard.extend(found or ()), changes.latest(connection))
    number = orders.give(store, "mail1", "kick", KICK, NOW)
    feed.look()
    assert heard == [Change("", Kind.ORDER, str(number))]


def test_an_old_order_is_not_carried_out(store: Store) -> None:
    orders.give(store, "mail1", "kick", KICK, NOW)
    assert given(store, 0, "mail2", NOW + orders.MAX_AGE + timedelta(seconds=1)) == []


def test_answers_find_who_asked(store: Store) -> None:
    number = orders.give(store, "mail1", "kick", KICK, NOW)
    [order] = given(store, 0, "mail2")
    orders.answer(store, order, 2, node="mail2", incarnation="incarnation 1", now=NOW)
    orders.answer(store, order, 0, node="mail2", incarnation="incarnation 2", now=NOW)
    with store.read() as connection:
        assert sorted(orders.answers(connection, number)) == [("mail2", 0), ("mail2", 2)]


def test_what_is_long_over_is_deleted(store: Store) -> None:
    first = orders.give(store, "mail1", "kick", KICK, NOW)
    [order] = given(store, 0, "mail2")
    orders.answer(store, order, 2, node="mail2", incarnation="incarnation 1", now=NOW)
    orders.give(store, "mail1", "kick", KICK, NOW + orders.KEPT + timedelta(seconds=1))
    with store.read() as connection:
        assert orders.answers(connection, first) == []
    assert [order.id for order in given(store, 0, "mail2", NOW)] == [first + 1]


def test_orders_are_in_no_backup() -> None:
    assert {"orders", "order_answers"}.isdisjoint(table.name for table in backup.tables())
