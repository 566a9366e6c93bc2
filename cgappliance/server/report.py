"""What a worker tells the supervisor of itself when asked: for metrics, health and alerts. Must not wait for anybody."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cgappliance.net.sessions import Session
from cgappliance.net.surroundings import House
from cgappliance.server.channel import Message
from cgappliance.server.health_board import rows_of
from cgappliance.server.tenant_service import TenantService

_PAGE_BYTES = resource.getpagesize()


def report(number: int, house: House, services: Iterable[TenantService], *, store_healthy: bool) -> Message:
    """Return the report of the worker with this number."""
    services = list(services)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "worker": number,
        "sessions": _sessions(house),
        "before_login": len(house.lobby),
        "warm": [[s.tenant.id, protocol.value, len(h.warm)] for s in services for protocol, h in s.handlers.items()],
        "health": [row for service in services for row in rows_of(service.tenant.id, service.health)],
        "store_healthy": store_healthy,
        "memory_bytes": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES,
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "max_descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "pid": os.getpid(),
    }


def described(session: Session, now: float) -> Message:
    """Return what an operator may know of a session; ``now`` is monotonic."""
    record = session.record
    up, down = session.relay.bytes_moved()
    seconds = now - session.started_at
    return {
        "session": record.session,
        "tenant": record.tenant,
        "account": record.address,
        "protocol": record.protocol.value,
        "peer": str(record.peer.address),
        "client": record.client,
        "since": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "idle_s": round(session.relay.idle_s(now), 1),
        "bytes_up": up,
        "bytes_down": down,
        "ends_in_s": None if record.expires_in_s is None else round(record.expires_in_s - seconds, 1),
        "worker": os.getpid(),
    }


def _sessions(house: House) -> list[list[Any]]:
    found = Counter((session.record.tenant, session.record.protocol.value) for session in house.sessions)
    return [[tenant, protocol, number] for (tenant, protocol), number in found.items()]
