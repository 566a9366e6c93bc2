"""What the doctor says: one finding for each thing looked at, with what to do where something is wrong."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class State(enum.StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"  #: it works, and will not for long or not for everybody
    PROBLEM = "problem"  #: people cannot work
    SKIPPED = "skipped"  #: it could not be looked at, for a reason that is no fault


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str  #: "seats", "directory": what stands in the first column
    state: State
    sentence: str
    remedy: str = ""  #: what to do; "" where nothing is wrong
    manual: str = ""  #: the section of the administrator's manual that is about it
    details: Mapping[str, str] = field(default_factory=dict)  #: to be pasted elsewhere, or read by programs


def ok(topic: str, sentence: str, **details: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(topic, State.OK, sentence, details=details)


def skipped(topic: str, sentence: str) -> Finding:
    """Return a finding that nothing could be found."""
    return Finding(topic, State.SKIPPED, sentence)


def warning(topic: str, sentence: str, remedy: str, manual: str = "", **details: str) -> Finding:
    """Return a finding that something should be looked at."""
    return Finding(topic, State.WARNING, sentence, remedy, manual, details)


def problem(topic: str, sentence: str, remedy: str, manual: str = "", **details: str) -> Finding:
    """Return a finding that something is broken."""
    return Finding(topic, State.PROBLEM, sentence, remedy, manual, details)
