"""What an administrator should know first: what is wrong, what will be, and how the last day went.

Problems come from what is at hand: the database, the tenant file's certificate, the running appliance. Neither directory nor
Google is asked here, so that a page with this on it is quick when they are not.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cgappliance.admin import credentials
from cgappliance.admin.desk import Desk
from cgappliance.admin.live import Ask, LiveSession, Part, PartHealth, health
from cgappliance.admin.live import listing as live_sessions
from cgappliance.config.certificates import check_pair
from cgappliance.config.problem import Severity
from cgappliance.errors import CgapplianceError
from cgappliance.model import Outcome, Tenant
from cgappliance.store import accounts, profiles, seats, statistics
from cgappliance.store.accounts import Filter as AccountFilter
from cgappliance.store.history import Filter
from cgappliance.store.statistics import Count

SPAN: Final = timedelta(hours=24)
BUCKET: Final = timedelta(minutes=30)
ENDS_SOON: Final = timedelta(days=30)
LOCKED_SHOWN: Final = 500  #: locked accounts that are counted; more are an attack, and the number does not matter


#: What a part is called where it fails.
NAMES: Final[Mapping[Part, str]] = {
    Part.DIRECTORY: "the directory fails",
    Part.TOKEN: "access to Google (delegation) fails",
    Part.UPSTREAM: "Gmail fails",
}


class Weight(enum.StrEnum):
    """How bad it is."""

    ERROR = "error"  #: people cannot work
    WARNING = "warning"  #: they soon cannot, or some cannot


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong."""

    weight: Weight
    sentence: str
    topic: str  #: "accounts.locked", "sessions": where to look


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it."""

    problems: Sequence[Problem]
    live: Sequence[LiveSession] | None  #: None: the appliance does not answer
    health: Sequence[PartHealth]  #: empty: likewise
    certificate: Weight | None  #: how bad it is; None: it is good
    counts: Sequence[Count]
    since: datetime
    until: datetime
    refusals: Sequence[tuple[str, int]]  #: reasons, the most frequent first
    seats: seats.Seats
    accounts: int
    profiles: int


def overview(desk: Desk, ask: Ask, tenant: Tenant) -> Overview:
    """Return how the tenant is. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    now = desk.now()
    until = now + (BUCKET - (now - datetime.min.replace(tzinfo=UTC)) % BUCKET)  # buckets begin where a clock would have them
    since = until - SPAN
    counts = statistics.over_time(desk.store, Filter(tenant=tenant.id), since, until, BUCKET)
    refused: Counter[str] = Counter()
    for count in counts:
        if count.outcome is not Outcome.ACCEPTED:
            refused[count.reason] += count.number
    live, parts = _running(ask, tenant)
    with desk.store.read() as connection:
        taken = seats.count(connection, tenant)
        number = accounts.count(connection, tenant.id)
        made = len(profiles.of_tenant(connection, tenant.id))
    certificate = list(_of_certificate(tenant, now))
    problems = [
        *_of_appliance(live),
        *_of_parts(parts),
        *_of_period(tenant, now),
        *certificate,
        *_of_accounts(desk, tenant, taken),
    ]
    order = list(Weight)
    problems.sort(key=lambda problem: order.index(problem.weight))
    worst = min((problem.weight for problem in certificate), key=order.index, default=None)
    ranking = refused.most_common(6)
    return Overview(problems, live, parts, worst, counts, since, until, ranking, taken, number, made + len(tenant.profiles))


def _running(ask: Ask, tenant: Tenant) -> tuple[Sequence[LiveSession] | None, Sequence[PartHealth]]:
    """Return what the running appliance knows of live sessions and of the tenant's servers."""
    try:
        return live_sessions(ask, tenant), health(ask, tenant)
    except CgapplianceError:
        return None, ()


def _of_appliance(live: Sequence[LiveSession] | None) -> Iterator[Problem]:
    if live is None:
        yield Problem(Weight.ERROR, "the mail service does not answer", "sessions")


def _of_parts(parts: Sequence[PartHealth]) -> Iterator[Problem]:
    for part in parts:
        if part.healthy is False:
            yield Problem(Weight.ERROR, f"{NAMES[part.part]}: {part.reason.sentence}", f"health.{part.part}")


def _of_period(tenant: Tenant, now: datetime) -> Iterator[Problem]:
    today = now.astimezone(tenant.timezone).date()
    if tenant.starts_on is not None and today < tenant.starts_on:
        yield Problem(Weight.ERROR, f"the service period begins on {tenant.starts_on}: nobody can log in before", "period")
    if tenant.ends_on is not None and today > tenant.ends_on:
        yield Problem(Weight.ERROR, f"the service period ended on {tenant.ends_on}: nobody can log in", "period")
    elif tenant.ends_on is not None and tenant.ends_on - today <= ENDS_SOON:
        yield Problem(Weight.WARNING, f"the service period ends on {tenant.ends_on}", "period")


def _of_certificate(tenant: Tenant, now: datetime) -> Iterator[Problem]:
    listen = tenant.listen
    for found in check_pair(listen.certificate, listen.private_key, listen.hostname, now).findings:
        weight = Weight.ERROR if found.severity is Severity.ERROR else Weight.WARNING
        yield Problem(weight, f"TLS for mail clients: {found.problem}", "certificate")


def _of_accounts(desk: Desk, tenant: Tenant, taken: seats.Seats) -> Iterator[Problem]:
    with desk.store.read() as connection:
        locked = len(accounts.page(connection, tenant.id, AccountFilter(locked_at=desk.now()), limit=LOCKED_SHOWN))
    if locked:
        yield Problem(Weight.WARNING, f"accounts locked by wrong passwords: {locked}", "accounts.locked")
    undecided = len(credentials.undecided(desk, tenant))
    if undecided:
        yield Problem(Weight.WARNING, f"Google passwords whose reset must be run again: {undecided}", "accounts")
    if taken.contracted is not None and taken.used > taken.contracted:
        yield Problem(Weight.WARNING, f"more accounts have mail access than there are seats: {taken.used}", "accounts")
