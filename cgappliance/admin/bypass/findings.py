"""What the bypass report says: one finding for each thing that was looked at on a way round the appliance."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LINES_MAX: Final = 200  #: accounts that a finding names; the others are counted: a page with thousands helps nobody


class Way(enum.StrEnum):
    """A way round the appliance."""

    CLIENTS = "clients"  #: a mail program logs in at Google by OAuth or with an app password
    PASSWORDS = "passwords"  #: somebody knows a Google password
    AUTOCONFIG = "autoconfig"  #: a mail program sets itself up straight to Google
    DELEGATION = "delegation"  #: whoever has the service account's key may do more than the appliance has to
    KEY = "key"  #: the key has been lying about for long


class State(enum.StrEnum):
    """How it is with a way."""

    CLOSED = "closed"  #: green
    OPEN = "open"  #: red: somebody can go it
    WATCH = "watch"  #: it should be looked at: it may be open, or will be
    UNSEEN = "unseen"  #: it cannot be seen from here; the remedy says how to check it by hand


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    way: Way
    state: State
    sentence: str
    remedy: str = ""  #: what to do, or how to check; "" where the way is closed
    lines: tuple[str, ...] = ()  #: whom it is about, LINES_MAX at most
    more: int = 0  #: how many lines there would be besides


def about(way: Way, state: State, sentence: str, remedy: str, lines: Sequence[str]) -> Finding:
    """Return a finding that names whom it is about."""
    return Finding(way, state, sentence, remedy, tuple(lines[:LINES_MAX]), max(0, len(lines) - LINES_MAX))
