"""The live sessions of this process: who is relayed now, and the one timer that ends those that went idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from gevent import get_hub

from cgappliance import metrics
from cgappliance.model import MailProtocol
from cgappliance.net.relay import End, Relay
from cgappliance.session.record import LoginRecord

SWEEP_S: Final = 10.0  #: an idle session ends at most this much late; one sweep over 5,000 sessions takes about a millisecond


@dataclass(slots=True)
class Session:
    """One relayed session."""

    record: LoginRecord
    relay: Relay
    started_at: float  #: monotonic seconds
    bytes_counted: tuple[int, int] = (0, 0)  #: up and down, as far as they are in the metrics

    def count_bytes(self) -> None:
        """Add to the metrics what was relayed since the last time."""
        moved = self.relay.bytes_moved()
        for direction, now, before in zip(("up", "down"), moved, self.bytes_counted, strict=True):
            if now > before:
                metrics.RELAYED_BYTES.add(self.record.tenant, self.record.protocol.value, direction, amount=now - before)
        self.bytes_counted = moved


class Sessions:
    """The registry. ``start`` begins the sweep; ``add`` is called by the handler, removal happens when a relay ends."""

    def __init__(self, idle_timeouts_s: Mapping[MailProtocol, float]) -> None:
        """End a session when nothing was relayed for its protocol's time-out."""
        self._idle_timeouts_s = idle_timeouts_s
        self._sessions: dict[str, Session] = {}
        self._loop = get_hub().loop
        self._sweep_timer = self._loop.timer(SWEEP_S, SWEEP_S)

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def start(self) -> None:
        """Begin to sweep. Does not block."""
        self._sweep_timer.start(self.sweep)

    def stop(self) -> None:
        """End the sweep; the sessions are left to their owners."""
        self._sweep_timer.close()

    def add(self, record: LoginRecord, relay: Relay) -> None:
        """Register a session before its relay starts."""
        self._sessions[record.session] = Session(record, relay, monotonic())

    def remove(self, record: LoginRecord) -> None:
        """Forget a session that has ended."""
        session = self._sessions.pop(record.session, None)
        if session is not None:
            session.count_bytes()

    def sweep(self) -> None:
        """End the sessions that have been idle for too long, and count what the others have relayed."""
        now = monotonic()
        for session in self:
            session.count_bytes()
            if session.relay.idle_s(now) > self._idle_timeouts_s[session.record.protocol]:
                session.relay.end(End.IDLE, "nothing was sent in either direction")

    def end_where(self, condition: Callable[[Session], bool], why: End, detail: str, last_words: Callable[[Session], bytes]) -> int:
        """End the sessions for which ``condition`` holds and return how many they were. Does not block."""
        chosen = [session for session in self if condition(session)]
        for session in chosen:
            session.relay.end(why, detail, last_words(session))
        return len(chosen)
