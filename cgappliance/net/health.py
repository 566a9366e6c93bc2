"""How the parts of a tenant's way do, as the last login found them: directory, token endpoint, Gmail. Asks nobody itself.

A refusal that concerns one person (a wrong password, a mailbox without IMAP) shows that the part works; what says neither, such as
a missing credential, is not noted.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cgappliance.model import Outcome, Reason


class Part(enum.StrEnum):
    """What can be up or down by itself."""

    DIRECTORY = "directory"
    TOKEN = "token"
    UPSTREAM = "upstream"


#: Reasons of outages and set-up mistakes that are one account's affair, or the appliance's own.
_OF_ONE_ACCOUNT = frozenset(
    {
        Reason.NO_CREDENTIAL,
        Reason.GOOGLE_USER_UNKNOWN,
        Reason.CREDENTIAL_REFUSED,
        Reason.APP_PASSWORD_REQUIRED,
        Reason.WEB_LOGIN_REQUIRED,
        Reason.UPSTREAM_OVERQUOTA,
        Reason.IMAP_OFF,
        Reason.POP_OFF,
        Reason.STORE_UNAVAILABLE,
    }
)
_OUTAGES = frozenset({Outcome.UNAVAILABLE, Outcome.MISCONFIGURED})


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part."""

    reason: Reason  #: ACCEPTED: it works
    detail: str
    at: float  #: monotonic seconds, the same for all processes of a machine
    since: float  #: when it was first found so, without anything else in between

    @property
    def healthy(self) -> bool:
        """Whether it worked."""
        return self.reason is Reason.ACCEPTED


class Health:
    """One tenant's parts, as one process sees them. ``which`` tells servers of one part apart: the three of Gmail."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[tuple[Part, str], Finding] = {}

    def note(self, part: Part, reason: Reason, detail: str = "", which: str = "") -> None:
        """Note how an attempt to use a part ended."""
        if reason in _OF_ONE_ACCOUNT:
            return
        found = reason if reason.outcome in _OUTAGES else Reason.ACCEPTED
        now = self._clock()
        before = self._found.get((part, which))
        since = before.since if before is not None and before.healthy is (found is Reason.ACCEPTED) else now
        self._found[part, which] = Finding(found, detail if found is not Reason.ACCEPTED else "", now, since)

    def adopt(self, older: Health) -> None:
        """Take over what was known before a reload."""
        self._found = {**older._found, **self._found}

    def age_s(self, part: Part, which: str = "") -> float:
        """Return how long ago something was noted; infinity: never."""
        found = self._found.get((part, which))
        return float("inf") if found is None else self._clock() - found.at

    def __iter__(self) -> Iterator[tuple[Part, str, Finding]]:
        return iter([(part, which, found) for (part, which), found in self._found.items()])
