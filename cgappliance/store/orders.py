"""What an operator wants of the processes of all nodes: to end sessions, to list them. The database carries it, and the answers.

An order is a change like any other: every process hears of it within a second (``changes.py``), does it with what it holds, and
leaves an answer. There is no list of processes: who asks waits for a moment and takes what has come.

Only nodes of one database reach each other so, and whoever may write there may give orders, as he may change profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from cgappliance.store.changes import Kind, change
from cgappliance.store.engine import Store
from cgappliance.store.schema import order_answers, orders

MAX_AGE: Final = timedelta(minutes=1)  #: an older order is not carried out any more: nobody waits for it, and much may have changed
KEPT: Final = timedelta(hours=1)  #: then an order and its answers are deleted


@dataclass(frozen=True, slots=True)
class Order:
    """One order."""

    id: int
    node: str  #: who gave it
    kind: str  #: "kick", "sessions"
    payload: Mapping[str, Any]


def give(store: Store, node: str, kind: str, payload: Mapping[str, Any], now: datetime) -> int:
    """Give an order to all other nodes and return its number. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database failed; nobody will hear of it.
    """
    with change(store) as transaction:
        transaction.execute(delete(order_answers).where(order_answers.c.at < now - KEPT))
        transaction.execute(delete(orders).where(orders.c.at < now - KEPT))
        values = {"id": transaction.number, "at": now, "node": node, "kind": kind, "payload": dict(payload)}
        transaction.execute(insert(orders).values(values))
        transaction.touch("", Kind.ORDER, str(transaction.number))
    return transaction.number


def latest(connection: Connection) -> int:
    """Return the number of the last order, 0 if there was none."""
    return connection.scalar(select(func.max(orders.c.id))) or 0


def given_since(connection: Connection, seen: int, node: str, now: datetime) -> list[Order]:
    """Return the orders after number ``seen`` that other nodes have given and that still matter, in their order."""
    where = (orders.c.id > seen, orders.c.node != node, orders.c.at >= now - MAX_AGE)
    rows = connection.execute(select(orders).where(*where).order_by(orders.c.id))
    return [Order(row.id, row.node, row.kind, row.payload) for row in rows]


def answer(store: Store, order: Order, body: Any, *, node: str, incarnation: str, now: datetime) -> None:
    """Leave an answer for who gave the order. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database failed.
    """
    with store.write() as connection:
        values = {"order_id": order.id, "incarnation": incarnation, "node": node, "at": now, "body": body}
        connection.execute(insert(order_answers).values(values))


def answers(connection: Connection, number: int) -> list[tuple[str, Any]]:
    """Return the answers so far: node and what it said."""
    rows = connection.execute(select(order_answers.c.node, order_answers.c.body).where(order_answers.c.order_id == number))
    return [(row.node, row.body) for row in rows]
