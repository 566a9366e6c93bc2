"""What is left of a login while its session is relayed: enough to give the place back and to write down how it ended.

Thousands of sessions idle for hours. Whoever held on to the parser, the visitor and the verdicts of the login would pay for them in
each.
"""

from __future__ import annotations

from cgappliance.net.places import Place
from cgappliance.net.relay import Summary
from cgappliance.net.surroundings import House
from cgappliance.session.record import LoginRecord, Recorder, SessionEnd


class Relayed:
    """One session that is relayed; ``ended`` is its relay's last call."""

    __slots__ = ("_house", "_place", "_record", "_recorder")

    def __init__(self, house: House, recorder: Recorder, record: LoginRecord, place: Place | None) -> None:
        """Belong to the session of ``record``, which has ``place``."""
        self._house = house
        self._recorder = recorder
        self._record = record
        self._place = place

    def ended(self, summary: Summary) -> None:
        """Forget the session, free its place, record its end. Does not block."""
        self._house.sessions.remove(self._record)
        if self._place is not None:
            self._house.places.give_back(self._place)
            self._place = None
        end = SessionEnd(summary.end.value, summary.detail, summary.bytes_up, summary.bytes_down, summary.seconds)
        self._recorder.ended(self._record, end)
