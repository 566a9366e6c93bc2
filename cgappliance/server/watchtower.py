"""Looks after everything and says how it is: metrics, health, alerts. One greenlet of the supervisor, and the HTTP endpoint.

It asks the workers for reports, has one of them try what nobody has used lately, and one send what the operator must know. The
supervisor itself waits for no directory, no name server and no mail server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import gevent

from cgappliance import log, metrics
from cgappliance.config import Config
from cgappliance.greenlets import spawn
from cgappliance.model import Tenant
from cgappliance.server.alert_book import AlertBook, Key, Notice, Rules
from cgappliance.server.channel import Message
from cgappliance.server.conditions import Conditions
from cgappliance.server.endpoint import Endpoint, Health
from cgappliance.server.expiry import Expiry
from cgappliance.server.exposition import Exposition, Samples, Totals
from cgappliance.server.gauges import Known, gauges
from cgappliance.server.health_board import HealthBoard
from cgappliance.server.probes import parts_of

_log = log.get()

TICK_S: Final = 5.0  #: how often it looks
REPORT_S: Final = 2.0  #: how long a worker may take for a report; one that hangs must not hide the others
PROBES_PER_TICK: Final = 20  #: parts that are tried at a time: 500 tenants are through in two minutes, and nobody is hammered
PROBE_S: Final = 60.0  #: for all of them together; each has its own time-out
DELIVERY_S: Final = 60.0
GONE_S: Final = 600.0  #: what was counted for a tenant that is gone is shown for so long: Prometheus has read it by then


class Crew(Protocol):
    """What the tower needs of the supervisor."""

    config: Config
    started_at: float

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The tenants on line."""
        ...

    @property
    def is_stopping(self) -> bool:
        """Whether the appliance is going down."""
        ...

    def silent_s(self) -> Mapping[int, float]:
        """Return how long ago each running worker's event loop has last turned, by the worker's number."""
        ...

    def ask_all(self, command: str, fds: list[int] | None = None, *, timeout_s: float = ..., **arguments: Any) -> list[Any]:
        """Return the answers of all workers that give one."""
        ...

    def ask_one(self, command: str, *, timeout_s: float, **arguments: Any) -> Any:
        """Return the answer of some worker. Raises OSError: there is none that answers."""
        ...


class Watchtower:
    """The watch over one appliance."""

    def __init__(self, crew: Crew) -> None:
        """Watch what ``crew`` runs; nothing happens before ``start``."""
        settings = crew.config.settings
        self._crew = crew
        self._limits = settings.limits
        self._alerts = settings.alerts
        self._totals = Totals()
        self._board = HealthBoard()
        self._expiry = Expiry()
        self._conditions = Conditions()
        self._book = AlertBook(Rules(self._alerts.after_s, self._alerts.repeat_s, self._alerts.max_per_hour))
        self._store_healthy = True
        self._probing: gevent.Greenlet | None = None
        self._tried_at: dict[tuple[str, str, str], float] = {}  # what a trial said nothing about is not stale at once again
        self._gone_since: dict[str, float] = {}
        self._endpoint = Endpoint(Exposition(self._totals, self._gauges).registry, self._alive, self._ready)

    def start(self) -> None:
        """Begin to watch, and to answer over HTTP if that is wanted. Does not block."""
        spawn("watchtower", self._run)
        where = self._crew.config.settings.metrics
        if where is not None:
            self._endpoint.start(where.address, where.port)

    def stop(self) -> None:
        """Stop answering."""
        self._endpoint.stop()

    def absorb(self, deltas: list[Any]) -> None:
        """Add what a worker has counted."""
        self._totals.add(deltas)

    def happened(self, kind: str, tenant: str, subject: str, text: str) -> None:
        """Note an event that the operator wants to know of."""
        self._book.event(Key(kind, tenant, subject), text)

    def health(self) -> dict[str, dict[str, Any]]:
        """Return how the parts of each tenant do, for ``status``."""
        now = time.monotonic()
        found: dict[str, dict[str, Any]] = {}
        for tenant, part, state in self._board.states():
            entry = {"healthy": state.healthy, "reason": state.reason.value, "for_s": round(now - state.since, 1)}
            found.setdefault(tenant, {})[part.value] = entry | ({"detail": state.detail} if state.detail else {})
        return found

    # ---- the round

    def _run(self) -> None:
        tick_s = min(TICK_S, self._alerts.after_s / 2, self._limits.health_interval_s / 2)
        while not self._crew.is_stopping:
            gevent.sleep(tick_s)
            self._look()
            self._probe_what_is_stale()
            if self._alerts.wanted:
                self._tell()
            self._forget_the_gone()

    def _look(self) -> list[Message]:
        """Ask all workers how they are, and note what they say."""
        reports: list[Message] = self._crew.ask_all("report", timeout_s=REPORT_S)
        for report in reports:
            self._board.update(report["health"])
        self._totals.add(metrics.drain())
        self._store_healthy = all(report["store_healthy"] for report in reports)
        self._board.keep_only(self._crew.tenants)
        self._tried_at = {key: at for key, at in self._tried_at.items() if key[0] in self._crew.tenants}
        return reports

    def _probe_what_is_stale(self) -> None:
        if self._probing is not None and not self._probing.dead:
            return
        now, wanted = time.monotonic(), []
        for name, tenant in self._crew.tenants.items():
            for part, which in parts_of(tenant):
                tried_at = self._tried_at.get((name, part.value, which), float("-inf"))
                age_s = min(self._board.age_s(name, part, which, now), now - tried_at)
                if age_s >= self._limits.health_interval_s:
                    wanted.append((age_s, [name, part.value, which]))
        wanted.sort(key=lambda each: -each[0])
        if wanted:
            self._probing = spawn("probes", self._probe, [row for _, row in wanted[:PROBES_PER_TICK]])

    def _probe(self, parts: list[list[str]]) -> None:
        try:
            self._board.update(self._crew.ask_one("probe", timeout_s=PROBE_S, parts=parts))
            self._tried_at |= dict.fromkeys(((name, part, which) for name, part, which in parts), time.monotonic())
        except OSError as error:
            _log.debug("probe.failed", detail=str(error))

    def _tell(self) -> None:
        problems = self._conditions.now(
            self._crew.config, self._board, self._days_left(), store_healthy=self._store_healthy, now=time.monotonic()
        )
        held_back = self._book.held_back
        for notice in self._book.due(problems, time.monotonic()):
            spawn("alert", self._send, notice, held_back)
            held_back = self._book.held_back = 0
        self._count_held_back(held_back)

    def _count_held_back(self, before: int) -> None:
        if self._book.held_back > before:
            metrics.ALERTS.add("any", "held_back", amount=self._book.held_back - before)

    def _send(self, notice: Notice, held_back: int) -> None:
        alert = {
            "kind": notice.key.kind,
            "tenant": notice.key.tenant,
            "subject": notice.key.subject,
            "text": notice.text,
            "over": notice.over,
            "node": self._crew.config.settings.node,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "held_back": held_back,
        }
        try:
            failure = self._crew.ask_one("alert", timeout_s=DELIVERY_S, alert=alert)
        except OSError as error:
            failure = str(error)
        metrics.ALERTS.add(notice.key.kind, "failed" if failure else "sent")
        fields = {name: alert[name] for name in ("kind", "tenant", "subject", "text", "over")}
        if failure:
            _log.error("alert.failed", **fields, detail=failure)
        else:
            _log.info("alert.sent", **fields)

    def _forget_the_gone(self) -> None:
        known = {*self._crew.tenants, *self._crew.config.broken}
        now = time.monotonic()
        self._gone_since = {name: self._gone_since.get(name, now) for name in self._totals.tenants() - known}
        for name in [name for name, since in self._gone_since.items() if now - since > GONE_S]:
            self._totals.forget(name)

    # ---- what is shown

    def _days_left(self) -> Mapping[str, float]:
        return self._expiry.days_left(self._crew.tenants.values(), datetime.now(UTC))

    def _gauges(self) -> Samples:
        reports = self._look()
        crew = self._crew
        known = Known(
            started_at=crew.started_at,
            limits=self._limits,
            silent_s=crew.silent_s(),
            tenants=frozenset(crew.tenants),
            broken=frozenset(crew.config.broken),
            days_left=self._days_left(),
        )
        return gauges(known, reports, self._board)

    def _alive(self) -> Health:
        return {"alive": True, "workers": len(self._crew.silent_s()), "uptime_s": round(time.time() - self._crew.started_at, 1)}

    def _ready(self, tenant: str) -> tuple[bool, Health]:
        crew = self._crew
        ready = bool(crew.silent_s()) and not crew.is_stopping and self._store_healthy
        parts: dict[str, dict[str, bool]] = {name: {} for name in crew.tenants}
        for name, part, state in self._board.states():
            parts.setdefault(name, {})[part.value] = state.healthy
        tenants = {name: {"ready": all(found.values()), **found} for name, found in sorted(parts.items())}
        if tenant:
            return ready and tenants[tenant]["ready"], tenants[tenant]
        return ready, {"ready": ready, "draining": crew.is_stopping, "store": self._store_healthy, "tenants": tenants}
