"""A worker process: the appliance's tenants on one core. It does what the supervisor says over its channel, and ends with it."""

from __future__ import annotations

import _socket
import contextlib
import gc
import random
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import gevent

from cgappliance import greenlets, log, metrics
from cgappliance.config import Config
from cgappliance.config.load import follow
from cgappliance.config.values import Limits
from cgappliance.greenlets import spawn
from cgappliance.model import MailProtocol
from cgappliance.net.counts import Counts
from cgappliance.net.courtesy import Courtesy
from cgappliance.net.health import Part
from cgappliance.net.lobby import Lobby
from cgappliance.net.places import Places
from cgappliance.net.relay import End
from cgappliance.net.sessions import Session, Sessions
from cgappliance.net.surroundings import House
from cgappliance.net.tracing import Traces
from cgappliance.plugins import Kinds
from cgappliance.proto.events import Farewell
from cgappliance.proto.replies import farewell
from cgappliance.server import heap
from cgappliance.server.appliance import Appliance
from cgappliance.server.channel import Channel, Message
from cgappliance.server.delivery import Alert, NotSent, send
from cgappliance.server.elsewhere import Elsewhere
from cgappliance.server.health_board import Row
from cgappliance.server.persistence import Persistence
from cgappliance.server.probes import probe_all
from cgappliance.server.pulse import Pulse
from cgappliance.server.records import LogRecorder, MetricsRecorder, Recorders
from cgappliance.server.report import described, report
from cgappliance.server.selection import Selection
from cgappliance.server.sockets import Endpoint
from cgappliance.server.tenant_service import Shared
from cgappliance.server.vigil import Vigil
from cgappliance.session.record import LoginRecord
from cgappliance.store.changes import Change, Kind

_log = log.get()

SWEEP_S: Final = 60.0  #: how late a session ends when its time window closes; windows are given in minutes
TIDY_S: Final = 3600.0  #: how often the database is tidied up; rows are kept by the day
TRIM_S: Final = 30.0  #: how often free memory goes back to the system: it takes a few milliseconds, in which all clients wait
MEASURE_S: Final = 10.0  #: how often descriptors are counted; 40,000 of them take 15 ms

#: Python collects the oldest generation when it has grown by a quarter; a server with many live sessions has little to find there
GC_THRESHOLDS: Final = (5000, 20, 50)


@dataclass(frozen=True, slots=True)
class Life:
    """What a worker is born with."""

    number: int
    config: Config
    incarnation: str  #: unique to this process's life
    siblings: frozenset[str]  #: incarnations of the workers that run beside it
    counts: Counts  #: its part of what all workers count together
    traces: Mapping[str, float] = field(default_factory=dict)  #: accounts that are traced, for so many seconds more


class Worker:
    """The worker's side of the channel."""

    def __init__(self, life: Life, kinds: Kinds, channel: Channel, sockets: dict[Endpoint, _socket.socket]) -> None:
        """Serve ``life.config`` on ``sockets``, which become this process's own."""
        self._life = life
        self._config = config = life.config
        self._persistence = Persistence(config.settings, life.incarnation)
        self._persistence.guard.locked = self._tell_of_lock
        self._channel = channel
        self._sockets = sockets
        recorder = Recorders(self._persistence, LogRecorder(), MetricsRecorder())
        self._house = _house(config.settings.limits, life.counts)
        kept = self._persistence
        shared = Shared(self._house, recorder, kept.guard, kept.admit, kept.standing, kept.credentials, kept.gmail_took)
        self._appliance = Appliance(config.settings.limits, kinds, shared)
        self._pulse = Pulse(channel, self._appliance.sessions, lambda: kept.history_dropped)
        deeds = {"kick": self._kick, "sessions": self._sessions}
        self._elsewhere = Elsewhere(self._persistence.store, config.settings.node, life.incarnation, deeds)
        self._commands: dict[str, Callable[[Message], Any]] = {
            "reload": self._reload,
            "forget": self._forget,
            "sessions": self._sessions,
            "kick": self._kick,
            "log": self._set_log,
            "trace": self._trace,
            "report": self._report,
            "probe": self._probe,
            "alert": self._alert,
            "elsewhere": self._ask_elsewhere,
            "greenlets": lambda _message: greenlets.alive(),
        }

    def run(self) -> None:
        """Serve until the supervisor says ``drain`` or is gone. Blocks."""
        self._persistence.start(self._life.siblings)
        self._elsewhere.start()
        self._persistence.memory.listeners += [self._on_change, self._elsewhere.on_change]
        for address, seconds in self._life.traces.items():
            self._start_trace(address, seconds)
        result = self._appliance.apply(self._config, self._sockets)
        self._channel.send({"event": "ready", "tenants": result})
        spawn("heartbeat", self._pulse.run)
        spawn("measure", self._measure)
        spawn("sweep", self._sweep)
        spawn("tidy", self._tidy)
        spawn("trim", self._trim)
        spawn("vigil", Vigil(self._appliance, self._appliance.kinds, self._config.settings.limits.directory_recheck_s).run)
        while True:
            received = self._channel.receive()
            if received is None:
                _log.error("supervisor.gone")
                self._drain(self._config.settings.drain_timeout_s)
                break
            message, fds = received
            if message["command"] == "drain":
                self._drain(message["timeout_s"])
                break
            message["fds"] = fds
            spawn(f"command {message['command']}", self._answer, message)
        self._persistence.stop()

    def _drain(self, timeout_s: float) -> None:
        """Let the sessions end; whoever connects meanwhile shall be refused and go elsewhere, not wait in a queue for nobody."""
        self._appliance.stop_accepting()
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()
        self._appliance.drain(timeout_s)

    def _on_change(self, found: Sequence[Change] | None) -> None:
        """End the sessions that a change of accounts or profiles no longer permits."""
        changed = None if found is None else {change.tenant for change in found if change.kind in (Kind.ACCOUNT, Kind.PROFILE)}
        self._appliance.end_forbidden(changed)

    def _answer(self, message: Message) -> None:
        answer = {"event": "answer", "id": message["id"]}
        try:
            answer["result"] = self._commands[message["command"]](message)
        except Exception as error:  # noqa: BLE001 - whoever asked must hear of it, whatever it is
            _log.error("command.failed", command=message["command"], exc_info=True)
            answer["error"] = f"{type(error).__name__}: {error}"
        self._channel.send(answer)

    def _report(self, _message: Message) -> Message:
        self._pulse.tell_all()  # ahead of the answer: whoever asked may have gone when that comes, and counts must not go with it
        return report(
            self._life.number, self._house, self._appliance.services.values(), store_healthy=self._persistence.memory.healthy
        )

    def _probe(self, message: Message) -> list[Row]:
        services = self._appliance.services
        parts = [(services[name], Part(part), which) for name, part, which in message["parts"] if name in services]
        return probe_all(parts)

    def _alert(self, message: Message) -> str:
        """Send an alert and return why it could not be sent; "": it was."""
        try:
            send(self._config.settings.alerts, Alert(**message["alert"]))
        except NotSent as failure:
            return str(failure)
        return ""

    def _tell_of_lock(self, tenant: str, address: str, seconds: float) -> None:
        text = f"{address} is locked for {round(seconds / 60)} minutes: too many wrong passwords"
        with contextlib.suppress(OSError):  # without a supervisor there is nobody to tell
            self._channel.send({"event": "notice", "kind": "account_locked", "tenant": tenant, "subject": address, "text": text})

    def _sweep(self) -> None:
        """End the sessions whose hours are over, or whose tenant's service period is: policy knows time as well."""
        while True:
            gevent.sleep(SWEEP_S)
            self._appliance.end_forbidden()

    def _tidy(self) -> None:
        """Keep house in the database, now and then; every worker does, and none at the same time as the others."""
        gevent.sleep(random.uniform(0, TIDY_S))  # noqa: S311 - nothing secret about it
        while True:
            self._persistence.tidy(self._appliance.tenants.values())
            gevent.sleep(TIDY_S)

    def _trim(self) -> None:
        """Give back what a rush of clients has left behind."""
        while True:
            gevent.sleep(TRIM_S)
            heap.trim()

    def _measure(self) -> None:
        while True:
            self._house.lobby.measure()
            gevent.sleep(MEASURE_S)

    def _reload(self, message: Message) -> dict[str, str]:
        for (address, port), fd in zip(message["endpoints"], message["fds"], strict=True):
            sock = _socket.socket(fileno=fd)
            sock.setblocking(False)
            self._sockets[address, port] = sock
        appliance = self._appliance
        self._config = follow(self._config.settings, appliance.kinds, message["tenants"], message["broken"], appliance.tenants)
        return self._appliance.apply(self._config, self._sockets)

    def _forget(self, message: Message) -> None:
        """Close sockets that no tenant is to use any more; one that could not change with its file may still do."""
        gone = [(address, port) for address, port in message["endpoints"]]
        self._appliance.leave(gone)
        for endpoint in gone:
            sock = self._sockets.pop(endpoint, None)
            if sock is not None:
                sock.close()

    def _sessions(self, message: Mapping[str, Any]) -> list[Message]:
        selection = Selection.of(message["where"])
        return [self._described(session) for session in self._house.sessions if self._is_meant(selection, session)]

    def _is_meant(self, selection: Selection, session: Session) -> bool:
        return selection.matches(session.record, self._profile_of)

    def _profile_of(self, record: LoginRecord) -> str:
        tenant = self._appliance.tenants.get(record.tenant)
        profile = None if tenant is None else self._persistence.standing(tenant, record.address).profile
        return "" if profile is None else profile.name

    def _described(self, session: Session) -> Message:
        return {
            **described(session, time.monotonic()),
            "profile": self._profile_of(session.record),
            "node": self._config.settings.node,
        }

    def _ask_elsewhere(self, message: Message) -> list[tuple[str, Any]]:
        return self._elsewhere.ask(message["kind"], message["payload"])

    def _kick(self, message: Mapping[str, Any]) -> int:
        selection = Selection.of(message["where"])
        return self._appliance.sessions.end_where(
            lambda session: self._is_meant(selection, session),
            End.KICKED,
            "ended by the operator",
            lambda session: farewell(session.record.protocol, Farewell.SHUTDOWN),
        )

    def _set_log(self, message: Message) -> None:
        log.configure(message["level"], self._config.settings.log.format)

    def _trace(self, message: Message) -> None:
        self._start_trace(message["address"], message["seconds"])

    def _start_trace(self, address: str, seconds: float) -> None:
        traces = self._house.traces
        traces.start(address, seconds)
        for session in self._house.sessions:
            record = session.record
            if record.address == address and traces.wants(address):
                trace = traces.connection(record.session, record.tenant, record.protocol)
                if trace is not None:
                    trace.belongs_to(address)
                    trace.attach(session.relay)


def _house(limits: Limits, counts: Counts) -> House:
    """Return the rooms of this process, with as many places as the settings and the descriptors allow."""
    places = Places(counts, limits.sessions)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    idle_timeouts_s = {
        MailProtocol.IMAP: limits.imap_idle_timeout_s,
        MailProtocol.POP3: limits.pop3_idle_timeout_s,
        MailProtocol.SMTP: limits.smtp_idle_timeout_s,
    }
    sessions = Sessions(idle_timeouts_s)
    lobby = Lobby(
        counts,
        places,
        sessions,
        per_address=limits.connections_per_address,
        at_all=limits.connections_before_login,
        descriptors=descriptors,
    )
    return House(lobby, Courtesy(counts), places, sessions, Traces())


def main(life: Life, kinds: Kinds, channel: Channel, sockets: dict[Endpoint, _socket.socket]) -> None:
    """Be a worker in a process that was just forked; returns when the worker is done. Only the supervisor gives orders."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    greenlets.forked()
    gc.freeze()  # what the supervisor has loaded is never garbage; unfrozen, every collection would copy its pages
    gc.set_threshold(*GC_THRESHOLDS)
    raise_descriptor_limit()
    metrics.drain()  # what the supervisor has counted is its own
    Worker(life, kinds, channel, sockets).run()


def raise_descriptor_limit() -> None:
    """Take all descriptors that the system allows: a session needs two."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
