"""Which alerts are due: what is wrong, since when, and who was told when. Pure; clock passed in.

An alert is raised when something has been wrong for a while (a single failure is nobody's business at night), repeated while it
lasts, and called off when it is over, if it was raised. Events, such as an account that was locked, are raised at once. Only so
many an hour go out: an attack that locks a thousand accounts fills nobody's mailbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3600.0
EVENTS_MAX: Final = 1000  #: events that wait to be told


@dataclass(frozen=True, slots=True)
class Key:
    """What an alert is about."""

    kind: str  #: "directory", "certificate", ...
    tenant: str = ""  #: "": the appliance itself
    subject: str = ""  #: an account


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now."""

    text: str  #: one sentence for the operator; no secret
    since: float
    at_once: bool = False  #: it need not last before it is told
    repeat_s: float | None = None  #: told again after so long; None: as the rules say


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told."""

    key: Key
    text: str
    over: bool = False  #: the problem is over


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient and how talkative."""

    after_s: float  #: a problem must have lasted so long
    repeat_s: float  #: one that lasts is told again after so long
    max_per_hour: int


class AlertBook:
    """What has been told."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._told: dict[Key, tuple[float, str]] = {}  # problems that were told: when last, and how
        self._events: deque[Notice] = deque(maxlen=EVENTS_MAX)
        self._event_told: dict[Key, float] = {}
        self._sent_at: deque[float] = deque()
        self.held_back = 0  #: notices that were not told since the last that was

    def event(self, key: Key, text: str) -> None:
        """Note that something has happened."""
        self._events.append(Notice(key, text))

    def due(self, problems: Mapping[Key, Problem], now: float) -> list[Notice]:
        """Return what is to be told now; it counts as told."""
        found = [*self._of_events(now), *self._of_problems(problems, now), *self._of_ends(problems)]
        return [notice for notice in found if self._may_go(notice, now)]

    def _of_events(self, now: float) -> Iterable[Notice]:
        self._event_told = {key: at for key, at in self._event_told.items() if now - at < self._rules.repeat_s}
        while self._events:
            notice = self._events.popleft()
            if notice.key not in self._event_told:
                self._event_told[notice.key] = now
                yield notice

    def _of_problems(self, problems: Mapping[Key, Problem], now: float) -> Iterable[Notice]:
        for key, problem in problems.items():
            told_at, _ = self._told.get(key, (None, ""))
            lasting = problem.at_once or now - problem.since >= self._rules.after_s
            repeat_s = self._rules.repeat_s if problem.repeat_s is None else problem.repeat_s
            if lasting and (told_at is None or now - told_at >= repeat_s):
                self._told[key] = (now, problem.text)
                yield Notice(key, problem.text)

    def _of_ends(self, problems: Mapping[Key, Problem]) -> Iterable[Notice]:
        for key in [key for key in self._told if key not in problems]:
            _, text = self._told.pop(key)
            yield Notice(key, text, over=True)

    def _may_go(self, notice: Notice, now: float) -> bool:
        while self._sent_at and now - self._sent_at[0] >= HOUR_S:
            self._sent_at.popleft()
        if len(self._sent_at) >= self._rules.max_per_hour:
            self.held_back += 1
            self._told.pop(notice.key, None)  # what was not told can be told later, and its end need not be
            return False
        self._sent_at.append(now)
        return True
