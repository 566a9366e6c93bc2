"""What the operator can ask of the running appliance and have it do, over the control socket; a reload is the supervisor's own."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cgappliance import log
from cgappliance.server.channel import Message
from cgappliance.server.process import ANSWER_S
from cgappliance.server.selection import Selection
from cgappliance.server.trace_book import TraceBook
from cgappliance.server.workforce import Workforce

if TYPE_CHECKING:
    from cgappliance.server.supervisor import Supervisor

_log = log.get()


class OperatorDesk:
    """Carries out what the command line says."""

    def __init__(self, supervisor: Supervisor, workforce: Workforce, traces: TraceBook) -> None:
        """Serve for one appliance."""
        self._supervisor = supervisor
        self._workforce = workforce
        self._traces = traces

    def reload(self) -> dict[str, str]:
        """Bring the tenants on line as their files are now; see ``Supervisor.reload``."""
        return self._supervisor.reload()

    def status(self) -> Message:
        """Return how the appliance is: workers, tenants, what is broken."""
        supervisor, now = self._supervisor, time.monotonic()
        config, tenants = supervisor.config, supervisor.tenants
        return {
            "pid": os.getpid(),
            "started_at": supervisor.started_at,
            "workers": [
                {"number": each.number, "pid": each.pid, "sessions": each.sessions, "seconds": now - each.started_at}
                for each in self._workforce.mail
            ],
            "tenants": {name: {"name": tenant.name, "broken": name in config.broken} for name, tenant in tenants.items()},
            "broken": sorted(config.broken.keys() - tenants.keys()),
            "problems": [str(problem) for problem in config.problems],
            "conf_d": str(config.settings.conf_d),
            "health": supervisor.health(),
        }

    def sessions(self, *, here: bool = False, **where: str) -> list[Message]:
        """Return the live sessions that ``Selection.of(where)`` matches, over all workers and nodes, the oldest first.

        ``here``: of this node only. Blocks for a second where there can be other nodes.
        """
        Selection.of(where)  # a mistake is the operator's: say so before the workers are asked
        others = [] if here else self._ask_elsewhere("sessions", where)
        rows = [row for rows in (*self._workforce.ask_all("sessions", where=where), *others) for row in rows]
        return sorted(rows, key=lambda row: -row["seconds"])

    def kick(self, **where: str) -> int:
        """End the live sessions that ``Selection.of(where)`` matches, on all nodes, and return how many they were."""
        Selection.of(where)
        ended = sum(self._workforce.ask_all("kick", where=where))
        elsewhere = sum(self._ask_elsewhere("kick", where))
        _log.info("session.kick", ended=ended, elsewhere=elsewhere, **where)
        return int(ended + elsewhere)

    def _ask_elsewhere(self, kind: str, where: Mapping[str, str]) -> list[Any]:
        """Return what the workers of other nodes have answered."""
        try:
            answers = self._workforce.ask_one("elsewhere", timeout_s=ANSWER_S, kind=kind, payload={"where": where})
        except OSError as error:
            _log.error("elsewhere.failed", kind=kind, detail=str(error))
            return []
        return [body for _node, body in answers]

    def greenlets(self) -> list[dict[str, int]]:
        """Return what each worker is busy with: how many greenlets of each name it runs."""
        return self._workforce.ask_all("greenlets")

    def set_log(self, level: str) -> None:
        """Change the log level of all processes until the next start.

        Raises:
            ValueError: there is no such level.
        """
        if level not in log.LEVELS:
            raise ValueError(f"unknown level {level!r} (use one of {', '.join(log.LEVELS)})")
        log.configure(level, self._supervisor.config.settings.log.format)
        _log.info("log.level", level=level)
        self._workforce.ask_all("log", level=level)
        self._workforce.tell_site("log", level=level)

    def trace(self, address: str, minutes: float) -> None:
        """Write the redacted dialogue of an account's connections to the log for some minutes; 0: no longer.

        Raises:
            ValueError: too long, or too many traces are on.
        """
        self._traces.set(address, minutes)
        _log.info("trace.set", login=address, minutes=minutes)
        self._workforce.ask_all("trace", address=address, seconds=minutes * 60)
