"""What all workers have found of the tenants' directories, token endpoints and Gmail, put together: the newest finding counts.

Pure; the clock is the findings' own. A part with several servers (the three of Gmail) is healthy when none of them is known to
fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cgappliance.model import Reason
from cgappliance.net.health import Finding, Health, Part

_REASONS = {reason.value: reason for reason in Reason}

Row = list[Any]  #: a finding as it travels: [tenant, part, which, reason, detail, at, since]


def rows_of(tenant: str, health: Health) -> list[Row]:
    """Return a tenant's findings for the way to the supervisor."""
    return [[tenant, part.value, which, f.reason.value, f.detail, f.at, f.since] for part, which, f in health]


@dataclass(frozen=True, slots=True)
class State:
    """How one part of a tenant's way does."""

    healthy: bool
    reason: Reason  #: why not
    detail: str  #: for the operator
    at: float  #: monotonic seconds of the newest finding
    since: float  #: of the first finding of this kind in a row


class HealthBoard:
    """The findings of all tenants."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Part, str], Finding] = {}

    def update(self, rows: Iterable[Row]) -> None:
        """Take over a worker's findings, where they are newer."""
        for tenant, part, which, reason, detail, at, since in rows:
            key = (tenant, Part(part), which)
            newer, known = Finding(_REASONS[reason], detail, at, since), self._found.get(key)
            if known is None or newer.at > known.at:
                if known is not None and known.healthy is newer.healthy:
                    newer = Finding(newer.reason, newer.detail, newer.at, min(newer.since, known.since))
                self._found[key] = newer

    def keep_only(self, tenants: Iterable[str]) -> None:
        """Forget tenants that are gone."""
        kept = set(tenants)
        self._found = {key: found for key, found in self._found.items() if key[0] in kept}

    def states(self) -> Iterator[tuple[str, Part, State]]:
        """Yield how each part of each tenant does, as far as it is known."""
        by_part: dict[tuple[str, Part], list[Finding]] = {}
        for (tenant, part, _which), found in self._found.items():
            by_part.setdefault((tenant, part), []).append(found)
        for (tenant, part), findings in sorted(by_part.items()):
            worst = min(findings, key=lambda found: (found.healthy, found.since))
            yield tenant, part, State(worst.healthy, worst.reason, worst.detail, max(f.at for f in findings), worst.since)

    def age_s(self, tenant: str, part: Part, which: str, now: float) -> float:
        """Return how long ago something was found; infinity: never."""
        found = self._found.get((tenant, part, which))
        return float("inf") if found is None else now - found.at
