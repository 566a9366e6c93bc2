"""What all workers have found of the tenants' directories, token endpoints and Gmail, put together: the newest finding counts.

Pure; the clock is the findings' own. A part with several servers (the three of Gmail) is healthy when none of them is known to
fail. The token endpoint is used by logins and by trials (``probes.py``), which see different things of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cgappliance.model import Outcome, Reason
from cgappliance.net.health import Finding, Health, Part

_REASONS = {reason.value: reason for reason in Reason}

TRIAL: Final = "trial"  #: which of the findings of a token endpoint a trial made; those of logins have no name

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
        by_part: dict[tuple[str, Part], dict[str, Finding]] = {}
        for (tenant, part, which), found in self._found.items():
            by_part.setdefault((tenant, part), {})[which] = found
        for (tenant, part), by_which in sorted(by_part.items()):
            findings = _standing(by_which)
            worst = min(findings, key=lambda found: (found.healthy, found.since))
            yield tenant, part, State(worst.healthy, worst.reason, worst.detail, max(f.at for f in findings), worst.since)

    def age_s(self, tenant: str, part: Part, which: str, now: float) -> float:
        """Return how long ago something was found, of a token endpoint by whomever; infinity: never."""
        names = (which, "") if which == TRIAL else (which,)
        found = [self._found[tenant, part, name] for name in names if (tenant, part, name) in self._found]
        return min((now - finding.at for finding in found), default=float("inf"))


def _standing(by_which: Mapping[str, Finding]) -> list[Finding]:
    """Return the findings that count: of a login and a trial that disagree, only one.

    The later is right, but for a trial that finds nothing wrong behind a login that met a mistake in the set-up: it may be one that
    only logins meet. The next login that works shows its end.
    """
    login, trial = by_which.get(""), by_which.get(TRIAL)
    if login is None or trial is None or login.healthy is trial.healthy:
        return list(by_which.values())
    later = max(login, trial, key=lambda found: found.at)
    return [login] if trial.healthy and login.reason.outcome is Outcome.MISCONFIGURED else [later]
