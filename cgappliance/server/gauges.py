"""What is true at the moment of a scrape: the workers' reports and what the supervisor knows, as samples of ``metrics.GAUGES``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cgappliance import __version__
from cgappliance.config.values import Limits
from cgappliance.metrics import Labels
from cgappliance.server.channel import Message
from cgappliance.server.exposition import Samples
from cgappliance.server.health_board import HealthBoard

SHOWN_LIMITS = (
    "connections_per_address",
    "connections_before_login",
    "sessions_per_account",
    "sessions_per_tenant",
    "sessions",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the supervisor knows by itself."""

    started_at: float  #: seconds since 1970
    limits: Limits
    silent_s: Mapping[int, float]  #: of each worker that runs
    tenants: frozenset[str]  #: that are served
    broken: frozenset[str]  #: whose file is broken, served or not
    days_left: Mapping[str, float]  #: of the tenants' certificates


def gauges(known: Known, reports: Iterable[Message], board: HealthBoard) -> Samples:
    """Return the samples by metric and labels."""
    reports = list(reports)
    samples: dict[str, dict[Labels, float]] = defaultdict(dict)
    samples["cgappliance_build_info"][(__version__,)] = 1
    samples["cgappliance_start_time_seconds"][()] = known.started_at
    samples["cgappliance_workers"][()] = len(known.silent_s)
    samples["cgappliance_connections_before_login"][()] = sum(report["before_login"] for report in reports)
    samples["cgappliance_store_healthy"][()] = float(all(report["store_healthy"] for report in reports))
    samples["cgappliance_limit"] = {(name,): getattr(known.limits, name) for name in SHOWN_LIMITS}
    samples["cgappliance_sessions"] = _summed(reports, "sessions")
    samples["cgappliance_warm_connections"] = _summed(reports, "warm")
    for report in reports:
        worker = (str(report["worker"]),)
        samples["cgappliance_worker_memory_bytes"][worker] = report["memory_bytes"]
        samples["cgappliance_worker_open_descriptors"][worker] = report["descriptors"]
        samples["cgappliance_worker_max_descriptors"][worker] = report["max_descriptors"]
        samples["cgappliance_worker_cpu_seconds_total"][worker] = report["cpu_s"]
    for number, silent_s in known.silent_s.items():
        samples["cgappliance_worker_silent_seconds"][(str(number),)] = silent_s
    return samples | _of_tenants(known, board)


def _summed(reports: Iterable[Message], name: str) -> dict[Labels, float]:
    found: dict[Labels, float] = defaultdict(float)
    for report in reports:
        for tenant, protocol, number in report[name]:
            found[tenant, protocol] += number
    return found


def _of_tenants(known: Known, board: HealthBoard) -> dict[str, dict[Labels, float]]:
    return {
        "cgappliance_tenants": {(): len(known.tenants)},
        "cgappliance_tenant_broken": {(name,): float(name in known.broken) for name in known.tenants | known.broken},
        "cgappliance_tenant_healthy": {(tenant, part.value): float(state.healthy) for tenant, part, state in board.states()},
        "cgappliance_certificate_days_left": {(name,): days for name, days in known.days_left.items()},
    }
