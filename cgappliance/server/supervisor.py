"""The main process: binds the listeners, runs the workers, reloads, stops.

It serves no mail itself, so nothing that a client sends can stop it. Workers are forked from it, with everything loaded, and told
over a channel each what to do (``workforce.py``). What the operator says comes over the control socket (``operator_desk.py``).
"""

from __future__ import annotations

import _socket
import contextlib
import gc
import math
import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import gevent
from gevent.lock import BoundedSemaphore

from cgappliance import log
from cgappliance.config import Config
from cgappliance.config.load import load_tenants
from cgappliance.config.tenant import any_profile
from cgappliance.errors import ConfigurationError
from cgappliance.greenlets import spawn
from cgappliance.model import Tenant
from cgappliance.net.counts import SharedCounts
from cgappliance.plugins import Kinds
from cgappliance.server import child, site, systemd, worker
from cgappliance.server.channel import Channel, Message
from cgappliance.server.control import ControlServer
from cgappliance.server.operator_desk import OperatorDesk
from cgappliance.server.process import ANSWER_S
from cgappliance.server.site import SITE, MakeSite, SiteLife
from cgappliance.server.sockets import Endpoint, Sockets, endpoints
from cgappliance.server.trace_book import TraceBook
from cgappliance.server.watch import watch
from cgappliance.server.watchtower import Watchtower
from cgappliance.server.workforce import Workforce

_log = log.get()

RESTART_DRAIN_S: Final = 10.0  #: in a restart, new clients wait meanwhile; mail programs give up after 20 to 60 seconds
KILL_GRACE_S: Final = 10.0  #: beyond the drain time-out; then SIGKILL


class Supervisor:
    """One running appliance."""

    def __init__(self, config: Config, kinds: Kinds, make_site: MakeSite | None = None) -> None:
        """Prepare to serve ``config``; ``make_site`` makes the web site, where the settings want one."""
        self.config = config
        self.started_at = time.time()
        self._kinds = kinds
        self._tenants: dict[str, Tenant] = {}  # as they are on line: for a broken file, its last good state
        self._sockets = Sockets(systemd.inherited_fds())
        self._make_site = make_site if config.settings.web is not None else None
        self._count = config.settings.workers or os.cpu_count() or 1
        self._counts = SharedCounts(self._count)
        self._traces = TraceBook()
        self._tower = Watchtower(self)
        self._workforce = Workforce(self._counts, self._tower, self._become)
        self._reloading = BoundedSemaphore(1)
        self._control = ControlServer(OperatorDesk(self, self._workforce, self._traces), config.settings.run_dir)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the process's exit status. Blocks."""
        _report_problems(self.config)
        self._tenants = dict(self.config.tenants)
        self._sockets.rebind(self._wanted(self._tenants))
        for each, action in ((signal.SIGTERM, self.stop), (signal.SIGINT, self.stop), (signal.SIGHUP, self._on_hangup)):
            gevent.signal_handler(each, action)
        gc.collect()
        gc.freeze()  # what is there now stays; a collection that looked at it would copy pages that the workers share
        for number in range(self._count):
            self._workforce.start(number)
        if self._make_site is not None:
            self._workforce.start(SITE)
        settings = self.config.settings
        spawn("watch workers", self._workforce.watch, settings.limits.worker_hang_s)
        spawn("watch conf.d", watch, settings.conf_d, self._reload_logged, self._workforce.stopping, self._catch_up)
        spawn("announce", self._announce_first)
        self._control.start()
        self._tower.start()
        self._workforce.keep_up()
        self._drain()
        self._tower.stop()
        return 0

    def stop(self) -> None:
        """Begin to stop: drain, then end; a second call ends at once."""
        self._workforce.stop()

    def _drain(self) -> None:
        restart = systemd.restart_follows()
        timeout_s = min(self.config.settings.drain_timeout_s, RESTART_DRAIN_S if restart else math.inf)
        systemd.notify(f"STOPPING=1\nSTATUS=draining, at most {timeout_s:g} s")
        _log.info("drain", timeout_s=timeout_s, sessions=sum(each.sessions for each in self._workforce.all))
        if not restart:
            gevent.sleep(self.config.settings.stop_notice_s)  # load balancers hear of it meanwhile
        self._workforce.dismiss(timeout_s)
        # the workers close theirs: whoever connects now goes elsewhere instead of waiting for nobody, or waits for our successor
        self._sockets.close(restart=restart)
        self._workforce.bury(timeout_s + KILL_GRACE_S)
        self._control.close()
        _log.info("stopped")

    # ---- what a new process is

    def _become(self, number: int, incarnation: str, theirs: _socket.socket) -> NoReturn:
        """In the child: be a worker, or the site, and never return."""

        def kept() -> set[int]:
            return {theirs.fileno(), *(sock.fileno() for sock in self._sockets_wanted().values())}

        child.be(lambda: self._live(number, incarnation, Channel(socket.socket(fileno=theirs.detach()))), kept)

    def _live(self, number: int, incarnation: str, channel: Channel) -> None:
        sockets = self._sockets_wanted()
        # the current configuration, broken tenants in their last good state
        config = Config(self.config.settings, dict(self._tenants), self.config.broken)
        if number == SITE and self._make_site is not None:
            site.main(SiteLife(config, self._kinds), self._make_site, channel, sockets)
            return
        siblings = frozenset(each.incarnation for each in self._workforce.all if not each.exited.is_set())
        life = worker.Life(number, config, incarnation, siblings, self._counts.part(number), self._traces.seconds_left())
        worker.main(life, self._kinds, channel, sockets)

    def _wanted(self, tenants: dict[str, Tenant]) -> list[Endpoint]:
        return [*endpoints(tenants.values()), *site.endpoints(self.config.settings.web)]

    def _sockets_wanted(self) -> dict[Endpoint, _socket.socket]:
        wanted = set(self._wanted(self._tenants))  # a reload under way may not have closed the others yet
        return {endpoint: sock for endpoint, sock in self._sockets.open.items() if endpoint in wanted}

    # ---- reload

    def reload(self) -> dict[str, str]:
        """Read all files again and bring the tenants on line as they are now; return what happened to each.

        "added", "changed", "removed", "unchanged", "kept" (the file is broken: last good state), "broken" (and there is none),
        or "failed: <why>". Blocks until every worker has done it.

        Raises:
            ConfigurationError: ``cgappliance.toml`` is wrong; nothing has changed.
        """
        with self._reloading:
            config = self._read_tenants()
            kept = {name: tenant for name, tenant in self._tenants.items() if name in config.broken}
            tenants = {**kept, **config.tenants}
            rebound = self._sockets.rebind(self._wanted(tenants))
            self.config, self._tenants = config, tenants
            added = list(rebound.added)
            found: Message = {"tenants": _fingerprints(config), "broken": list(config.broken)}
            answers = self.ask_all("reload", [rebound.added[key].fileno() for key in added], endpoints=added, **found)
            self.ask_all("forget", endpoints=list(rebound.removed))
            self._sockets.drop(rebound.removed)
            self._workforce.tell_site("reload", **found)
            report = dict.fromkeys(config.broken, "broken")
            for answer in answers:
                report |= answer
            _report_problems(config)
            _log.info("reload", **{name or "appliance": what for name, what in sorted(report.items()) if what != "unchanged"})
            return report

    def _read_tenants(self) -> Config:
        return load_tenants(
            self.config.settings, self._kinds, previous=self.config, on_line=self._tenants, more_profiles=any_profile
        )

    def _catch_up(self) -> None:
        """Reload if a file has changed between its reading, before the start, and the beginning of the watch."""
        with contextlib.suppress(ConfigurationError):  # the reload will tell it
            now = self._read_tenants()
            if (now.problems, _fingerprints(now)) == (self.config.problems, _fingerprints(self.config)):
                return
        self._reload_logged()

    def _on_hangup(self) -> None:
        spawn("reload", self._reload_logged)

    def _reload_logged(self) -> None:
        serving = self._workforce.serving
        if serving.is_set():
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self.reload()
        except ConfigurationError as error:
            _log.error("reload.refused", detail=str(error))
        except Exception:  # noqa: BLE001 - a bug in one reload must not be the end of watching conf.d
            _log.error("reload.failed", exc_info=True)
        if serving.is_set():  # else the end of the start will announce it
            self._announce()

    def _announce_first(self) -> None:
        self._workforce.serving.wait()
        self._announce()

    def _announce(self) -> None:
        sessions = f"{len(self._tenants)} tenants on line"
        broken = f", {len(self.config.broken)} broken" if self.config.broken else ""
        hint = "" if self._tenants else f"; no tenant yet: put a file into {self.config.settings.conf_d}"
        systemd.notify(f"READY=1\nSTATUS={sessions}{broken}{hint}")
        write = _log.info if self._tenants else _log.warning
        write("ready", tenants=len(self._tenants), broken=len(self.config.broken), hint=hint.lstrip("; ") or None)

    # ---- for the watchtower and the operator's desk

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The tenants on line."""
        return self._tenants

    @property
    def is_stopping(self) -> bool:
        """Whether the appliance is going down."""
        return bool(self._workforce.stopping.is_set())

    def health(self) -> dict[str, dict[str, Any]]:
        """Return how the parts of each tenant do."""
        return self._tower.health()

    def silent_s(self) -> dict[int, float]:
        """Return how long ago each running worker's event loop has last turned, by the worker's number."""
        return self._workforce.silent_s()

    def ask_one(self, command: str, *, timeout_s: float, **arguments: Any) -> Any:
        """Return the answer of some worker. Blocks for at most ``timeout_s`` seconds.

        Raises:
            OSError: there is none that answers, or it could not do it.
        """
        return self._workforce.ask_one(command, timeout_s=timeout_s, **arguments)

    def ask_all(self, command: str, fds: list[int] | None = None, *, timeout_s: float = ANSWER_S, **arguments: Any) -> list[Any]:
        """Return the answers of all workers that give one."""
        return self._workforce.ask_all(command, fds, timeout_s=timeout_s, **arguments)


def _fingerprints(config: Config) -> dict[str, str]:
    return {name: tenant.fingerprint for name, tenant in config.tenants.items()}


def _report_problems(config: Config) -> None:
    for problem in config.problems:
        (_log.error if problem.is_error else _log.warning)("config.problem", problem=str(problem))
