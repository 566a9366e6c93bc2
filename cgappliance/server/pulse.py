"""A worker's signs of life, and what it has counted, which travels with them."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Final

import gevent

from cgappliance import metrics
from cgappliance.server.channel import Channel

HEARTBEAT_S: Final = 1.0  #: how often a worker says that its event loop turns
FEW_COUNTS: Final = 250  #: what a heartbeat takes along of metrics, by label values; more wait to be asked for every few seconds


class Pulse:
    """Tells the supervisor that this worker lives. What it tells is added up there whenever it arrives: nobody waits for it."""

    def __init__(self, channel: Channel, sessions: Sized, history_dropped: Callable[[], int]) -> None:
        """Tell over ``channel``; ``history_dropped`` returns how many rows the history has lost since the worker was started."""
        self._channel = channel
        self._sessions = sessions
        self._history_dropped = history_dropped
        self._dropped = 0

    def run(self) -> None:
        """Beat for ever. Blocks."""
        while True:
            self.beat()
            gevent.sleep(HEARTBEAT_S)

    def beat(self) -> None:
        """Give a sign of life, with what was counted while it is little. Blocks while the supervisor does not read."""
        self._count_dropped()
        self._send(metrics.drain_a_few(FEW_COUNTS))

    def tell_all(self) -> None:
        """Give a sign of life with all that was counted. Blocks while the supervisor does not read."""
        self._count_dropped()
        self._send(metrics.drain())

    def _send(self, counted: list[metrics.Delta]) -> None:
        self._channel.send({"event": "alive", "sessions": len(self._sessions), "metrics": counted})

    def _count_dropped(self) -> None:
        dropped = self._history_dropped()
        if dropped > self._dropped:
            metrics.HISTORY_DROPPED.add(amount=dropped - self._dropped)
            self._dropped = dropped
