"""The processes of other nodes, reached through the database that all share: what is asked of them, and what they ask of us.

With a database that is a file of this machine there are no other nodes, and nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import gevent
from gevent.lock import BoundedSemaphore

from cgappliance import log
from cgappliance.greenlets import spawn
from cgappliance.store import changes, orders
from cgappliance.store.changes import Change, Kind
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable

_log = log.get()

ANSWERS_S: Final = changes.POLL_S + 0.7  #: others look twice a second, and take a moment; who has not answered then is left out

Deed = Callable[[Mapping[str, Any]], Any]  #: what an order of one kind means; returns the answer, as JSON can carry it


class Elsewhere:
    """One worker's way to the others."""

    def __init__(self, store: Store, node: str, incarnation: str, deeds: Mapping[str, Deed]) -> None:
        """Be reachable as a process of ``node`` that can do ``deeds``; nothing is heard before ``start``."""
        self._store = store
        self._node = node
        self._incarnation = incarnation
        self._deeds = deeds
        self._seen = 0
        self._working = BoundedSemaphore(1)

    @property
    def exists(self) -> bool:
        """Whether there can be other nodes."""
        return not self._store.is_sqlite

    def start(self) -> None:
        """Leave old orders alone. Blocks for the database.

        Raises:
            StoreUnavailable: it cannot be asked.
        """
        if self.exists:
            with self._store.read() as connection:
                self._seen = orders.latest(connection)

    def on_change(self, found: Sequence[Change] | None) -> None:
        """Hear of changes in the database; None: of too many. Does not block."""
        if self.exists and (found is None or any(change.kind is Kind.ORDER for change in found)):
            spawn("orders", self._carry_out)

    def ask(self, kind: str, payload: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Have the processes of all other nodes do something; return who answered what. Blocks for ``ANSWERS_S`` seconds.

        Raises:
            StoreUnavailable: the database cannot be used: nobody will hear of it.
        """
        if not self.exists:
            return []
        number = orders.give(self._store, self._node, kind, payload, datetime.now(UTC))
        gevent.sleep(ANSWERS_S)
        with self._store.read() as connection:
            return orders.answers(connection, number)

    def _carry_out(self) -> None:
        with self._working:
            try:
                with self._store.read() as connection:
                    found = orders.given_since(connection, self._seen, self._node, datetime.now(UTC))
                for order in found:
                    self._seen = order.id
                    self._obey(order)
            except StoreUnavailable as error:
                _log.error("store.unavailable", queue="orders", detail=str(error))

    def _obey(self, order: orders.Order) -> None:
        deed = self._deeds.get(order.kind)
        if deed is None:
            return  # of a newer version
        answer = deed(order.payload)
        _log.info("order", node=order.node, kind=order.kind, order=order.id)
        orders.answer(self._store, order, answer, node=self._node, incarnation=self._incarnation, now=datetime.now(UTC))
