"""What is counted, each declared once: name, meaning, labels. Counting is an addition in a dictionary; nothing here waits.

Workers count, and hand over what was added since the last time (``drain``); the supervisor adds that to the totals of all workers
and of those before them (``server/exposition.py``). A worker that dies takes a second's counts with it, or five seconds' where
people of hundreds of tenants log in at once, and no more. The reference, the dashboard, the alert rules and their test are made
from these declarations.

Labels have few values: tenants, protocols, reasons. Never an address: there are too many, and they are nobody's business.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Labels = tuple[str, ...]
Delta = list[Any]  #: [name, labels, amount]; a histogram's amount is [sum, count of each bucket]: as JSON carries it

#: Seconds: a login takes 5 ms when all is remembered and near, 300 ms over an ocean, 10 s or 30 s when somebody does not answer.
LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Description:
    """What a metric is; ``kind`` is Prometheus' word."""

    name: str  #: of the sample, so a counter's ends with "_total"
    kind: str  #: "counter", "histogram", "gauge"
    help: str  #: one sentence
    labels: Labels


class Counter:
    """Something that only grows."""

    __slots__ = ("_added", "description", "known")

    def __init__(self, name: str, help_: str, *labels: str, known: Sequence[str] = ()) -> None:
        """Declare it; it is 0 from the start for ``known`` values of its one label: Prometheus sees the first count then."""
        self.known: tuple[Labels, ...] = tuple((value,) for value in known) if labels else ((),)
        self.description = Description(name, "counter", help_, labels)
        self._added: dict[Labels, float] = {}
        COUNTED.append(self)

    def add(self, *values: str, amount: float = 1) -> None:
        """Count ``amount`` for the values of the labels, in their order."""
        self._added[values] = self._added.get(values, 0) + amount

    def __len__(self) -> int:
        """Return how many deltas ``drain`` would yield."""
        return len(self._added)

    def drain(self) -> Iterator[Delta]:
        """Yield what was added since the last time, and forget it."""
        added, self._added = self._added, {}
        yield from ([self.description.name, list(values), amount] for values, amount in added.items())


class Histogram:
    """How often something took how long."""

    __slots__ = ("_added", "bounds", "description")

    def __init__(self, name: str, help_: str, *labels: str, bounds: Sequence[float] = LATENCY_BUCKETS_S) -> None:
        self.description = Description(name, "histogram", help_, labels)
        self.bounds = tuple(bounds)
        self._added: dict[Labels, list[float]] = {}
        COUNTED.append(self)

    def observe(self, *values: str, amount: float) -> None:
        """Note that it took ``amount``, for the values of the labels in their order."""
        row = self._added.get(values)
        if row is None:
            row = self._added[values] = [0.0] * (len(self.bounds) + 2)
        row[0] += amount
        row[1 + bisect.bisect_left(self.bounds, amount)] += 1

    def __len__(self) -> int:
        """Return how many deltas ``drain`` would yield."""
        return len(self._added)

    def drain(self) -> Iterator[Delta]:
        """Yield what was observed since the last time, and forget it."""
        added, self._added = self._added, {}
        yield from ([self.description.name, list(values), row] for values, row in added.items())


COUNTED: Final[list[Counter | Histogram]] = []  #: all that are counted; those below put themselves here


def drain() -> list[Delta]:
    """Return what this process has counted since the last time, and forget it. In a forked process: forget the parent's first."""
    return [delta for metric in COUNTED for delta in metric.drain()]


def drain_a_few(limit: int) -> list[Delta]:
    """Return the same while there are at most ``limit``; else nothing: the more there are, the more is saved by adding first."""
    return drain() if sum(map(len, COUNTED)) <= limit else []


LOGINS = Counter(
    "cgappliance_logins_total",
    "Attempts to log in, by what became of them.",
    *("tenant", "protocol", "outcome", "reason"),
)
LOGIN_SECONDS = Histogram(
    "cgappliance_login_seconds",
    "Time from a client's password to its answer, without the wait that is added to a refusal.",
    *("protocol", "outcome"),
)
PHASE_SECONDS = Histogram(
    "cgappliance_login_phase_seconds",
    "Time that the phases of a login took: tls, policy, directory, token, upstream.",
    *("protocol", "phase"),
)
SESSIONS_ENDED = Counter(
    "cgappliance_sessions_ended_total",
    "Sessions that are over, by why they ended.",
    *("tenant", "protocol", "end"),
)
RELAYED_BYTES = Counter(
    "cgappliance_relayed_bytes_total",
    "Octets relayed; up is from the client to Gmail. Live sessions are added up every ten seconds.",
    *("tenant", "protocol", "direction"),
)
PASSWORD_CHECKS = Counter(
    "cgappliance_password_checks_total",
    "Passwords checked; by memory: the directory was not asked.",
    *("tenant", "by"),
)
TOKENS = Counter(
    "cgappliance_google_credentials_total",
    "Google credentials used for logins; a kept one had been got for an earlier login.",
    *("tenant", "source"),
)
UPSTREAM_CONNECTIONS = Counter(
    "cgappliance_upstream_connections_total",
    "Connections to Gmail used for logins; a warm one had been opened ahead of need.",
    *("tenant", "protocol", "source"),
)
LIMITS_REACHED = Counter(
    "cgappliance_limit_reached_total",
    "How often a limit of [limits] sent somebody away or made somebody wait.",
    "limit",
    known=(
        "connections_per_address",
        "connections_before_login",
        "sessions_per_account",
        "sessions_per_tenant",
        "sessions",
        "descriptors",
    ),
)
HISTORY_DROPPED = Counter(
    "cgappliance_history_dropped_total",
    "Refused attempts and ends of sessions that are missing from the history because the database lagged or failed.",
)
WORKER_RESTARTS = Counter(
    "cgappliance_worker_restarts_total",
    "Workers that were replaced: they died, or were ended because they hung.",
    "cause",
    known=("died", "hung"),
)
ALERTS = Counter(
    "cgappliance_alerts_total",
    "Alerts by what became of them: sent, failed, or held back because there were too many.",
    *("kind", "result"),
)

#: What is true at the moment of asking; ``server/exposition.py`` fills them.
GAUGES: Final = (
    Description("cgappliance_build_info", "gauge", "Always 1; the label is the version.", ("version",)),
    Description("cgappliance_start_time_seconds", "gauge", "When the appliance was started, in seconds since 1970.", ()),
    Description("cgappliance_sessions", "gauge", "Live sessions.", ("tenant", "protocol")),
    Description("cgappliance_connections_before_login", "gauge", "Clients that are connected and have not logged in.", ()),
    Description("cgappliance_warm_connections", "gauge", "Connections to Gmail that wait for a login.", ("tenant", "protocol")),
    Description("cgappliance_limit", "gauge", "The value of a limit of [limits], for the whole appliance.", ("limit",)),
    Description("cgappliance_workers", "gauge", "Worker processes that run.", ()),
    Description("cgappliance_worker_memory_bytes", "gauge", "Resident memory of a worker.", ("worker",)),
    Description("cgappliance_worker_open_descriptors", "gauge", "Open file descriptors of a worker.", ("worker",)),
    Description("cgappliance_worker_max_descriptors", "gauge", "How many a worker may have open.", ("worker",)),
    Description("cgappliance_worker_cpu_seconds_total", "counter", "CPU time of a worker since it was started.", ("worker",)),
    Description("cgappliance_worker_silent_seconds", "gauge", "How long ago a worker's event loop has last turned.", ("worker",)),
    Description("cgappliance_tenants", "gauge", "Tenants that are served.", ()),
    Description("cgappliance_tenant_broken", "gauge", "1 when a tenant's file cannot be used, else 0.", ("tenant",)),
    Description(
        "cgappliance_tenant_healthy",
        "gauge",
        "1 when a part of a tenant's way (directory, token, upstream) worked the last time it was tried, 0 when it did not.",
        ("tenant", "part"),
    ),
    Description(
        "cgappliance_certificate_days_left", "gauge", "Days until a tenant's certificate expires; below 0: since.", ("tenant",)
    ),
    Description("cgappliance_store_healthy", "gauge", "1 when the database worked the last time it was asked, else 0.", ()),
)


def descriptions() -> list[Description]:
    """Return all metrics there are."""
    return [*(metric.description for metric in COUNTED), *GAUGES]
