"""The main process: binds the listeners, runs the workers, replaces those that die or hang, carries out what the operator says.

It serves no mail itself, so nothing that a client sends can stop it. Workers are forked from it, with everything loaded, and told
over a channel each what to do. Two rules make forking safe: it happens in the main greenlet, which has nothing above it that could
be returned to, and threads are never used here, since a fork would take their locks along and leave the threads behind.
"""

from __future__ import annotations

import _socket
import contextlib
import gc
import math
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import gevent
from gevent import get_hub
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from gevent.queue import Queue

from cgappliance import log, metrics
from cgappliance.config import Config
from cgappliance.config.load import load_tenants
from cgappliance.config.tenant import any_profile
from cgappliance.errors import ConfigurationError
from cgappliance.greenlets import spawn
from cgappliance.model import Tenant
from cgappliance.net.counts import SharedCounts
from cgappliance.net.tracing import TRACES_MAX
from cgappliance.plugins import Kinds
from cgappliance.server import site, systemd, worker
from cgappliance.server.channel import Channel, Message
from cgappliance.server.control import ControlServer
from cgappliance.server.selection import Selection
from cgappliance.server.site import SITE, MakeSite, SiteLife
from cgappliance.server.sockets import Sockets, endpoints
from cgappliance.server.watch import watch
from cgappliance.server.watchtower import Watchtower

_log = log.get()

ANSWER_S: Final = 30.0  #: how long an operator's command waits for a worker
LATE_S: Final = 3.0  #: between two looks at the workers, of which there is one a second; more: this process itself stood still
RESTART_MIN_S: Final = 0.1
RESTART_MAX_S: Final = 10.0  #: a worker that dies at once again is started ever more slowly, up to this
STABLE_S: Final = 30.0  #: a worker that lived for so long was no failed start
TRACE_MAX_MINUTES: Final = 120  #: a trace that somebody forgot ends by itself
STOP: Final = object()  #: the last order
RESTART_DRAIN_S: Final = 10.0  #: in a restart, new clients wait meanwhile; mail programs give up after 20 to 60 seconds
KILL_GRACE_S: Final = 10.0  #: beyond the drain time-out; then SIGKILL


@dataclass(slots=True)
class _Worker:
    """The supervisor's side of one worker process."""

    number: int
    pid: int
    incarnation: str
    channel: Channel
    started_at: float
    seen_at: float
    sessions: int = 0
    hung: bool = False
    ready: Event = field(default_factory=Event)
    tenants: dict[str, str] = field(default_factory=dict)
    waiting: dict[int, AsyncResult] = field(default_factory=dict)
    exited: Event = field(default_factory=Event)


class Supervisor:
    """One running appliance."""

    def __init__(self, config: Config, kinds: Kinds, make_site: MakeSite | None = None) -> None:
        """Prepare to serve ``config``; ``make_site`` makes the web site, where the settings want one."""
        self.config = config
        self._kinds = kinds
        self._tenants: dict[str, Tenant] = {}  # as they are on line: for a broken file, its last good state
        self._sockets = Sockets(systemd.inherited_fds())
        self._workers: dict[int, _Worker] = {}
        self._count = config.settings.workers or os.cpu_count() or 1
        self._counts = SharedCounts(self._count)
        self._traces: dict[str, float] = {}  # accounts that are traced, until when
        self._make_site = make_site if config.settings.web is not None else None
        self._restarts = {False: 0, True: 0}  # of the workers, and of the site: one does not slow the other down
        self._ids = 0
        self._stopping = Event()
        self._serving = Event()  # all workers have been ready at the same time; the site is not waited for: mail comes first
        self._orders: Queue[Any] = Queue()  # numbers of workers to start, and STOP; bounded by the number of workers
        self._reloading = BoundedSemaphore(1)
        self._control = ControlServer(self, config.settings.run_dir)
        self._tower = Watchtower(self)
        self.started_at = time.time()

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
            self._start_worker(number)
        if self._make_site is not None:
            self._start_worker(SITE)
        spawn("watch workers", self._watch)
        spawn("watch conf.d", watch, self.config.settings.conf_d, self._reload_logged, self._stopping, self._catch_up)
        spawn("announce", self._announce_first)
        self._control.start()
        self._tower.start()
        while (number := self._orders.get()) is not STOP:
            self._start_worker(number)
        self._drain()
        self._tower.stop()
        return 0

    def stop(self) -> None:
        """Begin to stop: drain, then end; a second call ends at once."""
        if self._stopping.is_set():
            _log.warning("stop.now")
            for each in self._workers.values():
                os.kill(each.pid, signal.SIGKILL)
        self._stopping.set()
        self._orders.put(STOP)

    def _announce_first(self) -> None:
        self._serving.wait()
        self._announce()

    def _catch_up(self) -> None:
        """Reload if a file has changed between its reading, before the start, and the beginning of the watch."""
        with contextlib.suppress(ConfigurationError):  # the reload will tell it
            now = self._read_tenants()
            if (now.problems, _fingerprints(now)) == (self.config.problems, _fingerprints(self.config)):
                return
        self._reload_logged()

    def _wanted(self, tenants: dict[str, Tenant]) -> list[tuple[str, int]]:
        return [*endpoints(tenants.values()), *site.endpoints(self.config.settings.web)]

    # ---- workers

    def _start_worker(self, number: int) -> None:
        """Fork a worker. Only ever called in the main greenlet."""
        ours, theirs = _socket.socketpair()  # bare: a child must not inherit a socket that is tied to our event loop
        incarnation = f"{os.getpid()}-{secrets.token_hex(8)}"
        pid = gevent.os.fork_and_watch()
        if pid == 0:
            self._be_worker(number, incarnation, theirs)
        theirs.close()
        now = time.monotonic()
        each = _Worker(number, pid, incarnation, Channel(socket.socket(fileno=ours.detach())), now, now)
        self._workers[number] = each
        spawn(f"worker {number} channel", self._listen_to, each)
        spawn(f"worker {number} exit", self._await_exit, each)
        _log.info("worker.started", worker=number, pid=pid)

    def _be_worker(self, number: int, incarnation: str, theirs: _socket.socket) -> NoReturn:
        """In the child: leave the supervisor's event loop, greenlets and descriptors behind, and never return."""
        status = 1
        try:
            get_hub().destroy(destroy_loop=True)
            wanted = set(self._wanted(self._tenants))  # a reload under way may not have closed the others yet
            sockets = {endpoint: sock for endpoint, sock in self._sockets.open.items() if endpoint in wanted}
            _let_go_of_all_but({0, 1, 2, theirs.fileno(), *(sock.fileno() for sock in sockets.values())})
            channel = Channel(socket.socket(fileno=theirs.detach()))
            if number == SITE and self._make_site is not None:
                site.main(SiteLife(self._worker_config(), self._kinds), self._make_site, channel, sockets)
                os._exit(0)
            siblings = frozenset(each.incarnation for each in self._workers.values() if not each.exited.is_set())
            traces = {address: until - time.monotonic() for address, until in self._traces.items()}
            life = worker.Life(number, self._worker_config(), incarnation, siblings, self._counts.part(number), traces)
            worker.main(life, self._kinds, channel, sockets)
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may go up from here into the supervisor's code
            _log.error("worker.failed", exc_info=True)
        finally:
            os._exit(status)

    def _worker_config(self) -> Config:
        """Return what a new worker is to serve: the current configuration, broken tenants in their last good state."""
        return Config(self.config.settings, dict(self._tenants), self.config.broken)

    def _listen_to(self, each: _Worker) -> None:
        while True:
            try:
                received = each.channel.receive()
            except OSError:
                return
            if received is None:
                return
            each.seen_at = time.monotonic()
            self._hear(each, received[0])

    def _hear(self, each: _Worker, message: Message) -> None:
        if message["event"] == "ready":
            each.tenants = message["tenants"]
            each.ready.set()
            if all(other.ready.is_set() and not other.exited.is_set() for other in self._mail_workers()):
                self._serving.set()
        elif message["event"] == "alive":
            each.sessions = message["sessions"]
            self._tower.absorb(message.get("metrics", []))
        elif message["event"] == "notice":
            self._tower.happened(message["kind"], message["tenant"], message["subject"], message["text"])
        elif message["event"] == "answer":
            waiter = each.waiting.pop(message["id"], None)
            if waiter is not None and "error" in message:
                waiter.set_exception(ChildProcessError(message["error"]))
            elif waiter is not None:
                waiter.set(message["result"])

    def _await_exit(self, each: _Worker) -> None:
        _pid, status = os.waitpid(each.pid, 0)
        each.exited.set()
        each.channel.close()
        if each.number != SITE:
            self._counts.clear(each.number)
        for waiter in each.waiting.values():
            waiter.set_exception(ConnectionResetError(f"worker {each.number} has died"))
        if self._stopping.is_set():
            return
        lived_s = time.monotonic() - each.started_at
        restarts = self._restarts[each.number == SITE] = 0 if lived_s > STABLE_S else self._restarts[each.number == SITE] + 1
        delay_s = 0.0 if restarts <= 1 else min(RESTART_MIN_S * 2 ** (restarts - 1), RESTART_MAX_S)
        cause = "hung" if each.hung else "died"
        metrics.WORKER_RESTARTS.add(cause)
        what = f"a worker {cause} ({_described(status)}) and is replaced; its sessions are lost"
        self._tower.happened("worker", "", str(each.number), what)
        _log.error("worker.died", worker=each.number, pid=each.pid, status=_described(status), restart_in_s=delay_s)
        gevent.sleep(delay_s)
        if not self._stopping.is_set():
            self._orders.put(each.number)

    def _watch(self) -> None:
        """Replace workers that hang; tell systemd's watchdog that this loop turns."""
        watchdog_s = systemd.watchdog_interval_s()
        hang_s = self.config.settings.limits.worker_hang_s
        last = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic()
            if now - last < LATE_S:  # else it was us who slept, and what the workers said meanwhile is still to be read
                self._replace_those_that_hang(now, hang_s)
            last = now
            if watchdog_s is not None:
                systemd.notify("WATCHDOG=1")
            gevent.sleep(min(1.0, watchdog_s or 1.0))

    def _replace_those_that_hang(self, now: float, hang_s: float) -> None:
        for each in self._workers.values():
            if not each.exited.is_set() and now - each.seen_at > hang_s:
                _log.error("worker.hangs", worker=each.number, pid=each.pid, seconds=round(now - each.seen_at, 1))
                each.hung = True
                os.kill(each.pid, signal.SIGKILL)

    def _ask(
        self, each: _Worker, command: str, fds: list[int] | None = None, *, timeout_s: float = ANSWER_S, **arguments: Any
    ) -> Any:
        """Return a worker's answer. Blocks for at most ``timeout_s`` seconds.

        Raises:
            OSError: the worker has died, does not answer, or could not do it.
        """
        self._ids += 1
        question = self._ids
        waiter = each.waiting[question] = AsyncResult()
        each.channel.send({"command": command, "id": question, **arguments}, fds)
        try:
            return waiter.get(timeout=timeout_s)
        except gevent.Timeout:
            each.waiting.pop(question, None)
            raise TimeoutError(f"worker {each.number} does not answer") from None

    def ask_one(self, command: str, *, timeout_s: float, **arguments: Any) -> Any:
        """Return the answer of the worker that has shown the latest sign of life. Blocks for at most ``timeout_s`` seconds.

        Raises:
            OSError: there is none, or it does not answer, or could not do it.
        """
        able = [each for each in self._mail_workers() if each.ready.is_set() and not each.exited.is_set()]
        if not able:
            raise ChildProcessError("no worker is ready")
        return self._ask(max(able, key=lambda each: each.seen_at), command, timeout_s=timeout_s, **arguments)

    def silent_s(self) -> dict[int, float]:
        """Return how long ago each running worker's event loop has last turned, by the worker's number."""
        now = time.monotonic()
        return {
            each.number: now - each.seen_at for each in self._mail_workers() if each.ready.is_set() and not each.exited.is_set()
        }

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The tenants on line."""
        return self._tenants

    @property
    def is_stopping(self) -> bool:
        """Whether the appliance is going down."""
        return bool(self._stopping.is_set())

    def ask_all(self, command: str, fds: list[int] | None = None, *, timeout_s: float = ANSWER_S, **arguments: Any) -> list[Any]:
        """Return the answers of all workers; those that have died meanwhile are left out (their successors start fresh)."""

        def ask(each: _Worker) -> Any:
            try:
                return [self._ask(each, command, fds, timeout_s=timeout_s, **arguments)]
            except OSError as error:
                _log.warning("worker.silent", worker=each.number, pid=each.pid, command=command, detail=str(error))
                return []

        jobs = [gevent.spawn(ask, each) for each in self._mail_workers() if not each.exited.is_set()]
        gevent.joinall(jobs)
        return [answer for job in jobs for answer in job.get()]

    def _mail_workers(self) -> list[_Worker]:
        return [each for each in self._workers.values() if each.number != SITE]

    def _tell_site(self, command: str, **arguments: Any) -> None:
        """Have the site do what the workers have done; one that is silent is replaced by the watch, and starts fresh."""
        each = self._workers.get(SITE)
        if each is None or each.exited.is_set():
            return
        try:
            self._ask(each, command, **arguments)
        except OSError as error:
            _log.warning("worker.silent", worker=each.number, pid=each.pid, command=command, detail=str(error))

    # ---- what the operator can do

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
            self._tell_site("reload", **found)
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

    def _on_hangup(self) -> None:
        spawn("reload", self._reload_logged)

    def _reload_logged(self) -> None:
        if self._serving.is_set():
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self.reload()
        except ConfigurationError as error:
            _log.error("reload.refused", detail=str(error))
        except Exception:  # noqa: BLE001 - a bug in one reload must not be the end of watching conf.d
            _log.error("reload.failed", exc_info=True)
        if self._serving.is_set():  # else the end of the start will announce it
            self._announce()

    def status(self) -> Message:
        """Return how the appliance is: workers, tenants, what is broken."""
        return {
            "pid": os.getpid(),
            "started_at": self.started_at,
            "workers": [
                {"number": each.number, "pid": each.pid, "sessions": each.sessions, "seconds": time.monotonic() - each.started_at}
                for each in self._mail_workers()
            ],
            "tenants": {
                name: {"name": tenant.name, "broken": name in self.config.broken} for name, tenant in self._tenants.items()
            },
            "broken": sorted(self.config.broken.keys() - self._tenants.keys()),
            "problems": [str(problem) for problem in self.config.problems],
            "conf_d": str(self.config.settings.conf_d),
            "health": self._tower.health(),
        }

    def sessions(self, *, here: bool = False, **where: str) -> list[Message]:
        """Return the live sessions that ``Selection.of(where)`` matches, over all workers and nodes, the oldest first.

        ``here``: of this node only. Blocks for a second where there can be other nodes.
        """
        Selection.of(where)  # a mistake is the operator's: say so before the workers are asked
        others = [] if here else self._ask_elsewhere("sessions", where)
        rows = [row for rows in (*self.ask_all("sessions", where=where), *others) for row in rows]
        return sorted(rows, key=lambda row: -row["seconds"])

    def kick(self, **where: str) -> int:
        """End the live sessions that ``Selection.of(where)`` matches, on all nodes, and return how many they were."""
        Selection.of(where)
        ended = sum(self.ask_all("kick", where=where))
        elsewhere = sum(self._ask_elsewhere("kick", where))
        _log.info("session.kick", ended=ended, elsewhere=elsewhere, **where)
        return int(ended + elsewhere)

    def _ask_elsewhere(self, kind: str, where: Mapping[str, str]) -> list[Any]:
        """Return what the workers of other nodes have answered."""
        try:
            answers = self.ask_one("elsewhere", timeout_s=ANSWER_S, kind=kind, payload={"where": where})
        except OSError as error:
            _log.error("elsewhere.failed", kind=kind, detail=str(error))
            return []
        return [body for _node, body in answers]

    def greenlets(self) -> list[dict[str, int]]:
        """Return what each worker is busy with: how many greenlets of each name it runs."""
        return self.ask_all("greenlets")

    def set_log(self, level: str) -> None:
        """Change the log level of all processes until the next start.

        Raises:
            ValueError: there is no such level.
        """
        if level not in log.LEVELS:
            raise ValueError(f"unknown level {level!r} (use one of {', '.join(log.LEVELS)})")
        log.configure(level, self.config.settings.log.format)
        _log.info("log.level", level=level)
        self.ask_all("log", level=level)
        self._tell_site("log", level=level)

    def trace(self, address: str, minutes: float) -> None:
        """Write the redacted dialogue of an account's connections to the log for some minutes; 0: no longer.

        Raises:
            ValueError: too long, or too many traces are on.
        """
        if not 0 <= minutes <= TRACE_MAX_MINUTES:
            raise ValueError(f"{minutes:g} minutes are out of range (0 to {TRACE_MAX_MINUTES})")
        now = time.monotonic()
        self._traces = {other: until for other, until in self._traces.items() if until > now and other != address}
        if minutes and len(self._traces) >= TRACES_MAX:
            raise ValueError(f"{TRACES_MAX} traces are on already: {', '.join(sorted(self._traces))}")
        if minutes:
            self._traces[address] = now + minutes * 60
        _log.info("trace.set", login=address, minutes=minutes)
        self.ask_all("trace", address=address, seconds=minutes * 60)

    def _announce(self) -> None:
        sessions = f"{len(self._tenants)} tenants on line"
        broken = f", {len(self.config.broken)} broken" if self.config.broken else ""
        hint = "" if self._tenants else f"; no tenant yet: put a file into {self.config.settings.conf_d}"
        systemd.notify(f"READY=1\nSTATUS={sessions}{broken}{hint}")
        write = _log.info if self._tenants else _log.warning
        write("ready", tenants=len(self._tenants), broken=len(self.config.broken), hint=hint.lstrip("; ") or None)

    def _drain(self) -> None:
        restart = systemd.restart_follows()
        timeout_s = min(self.config.settings.drain_timeout_s, RESTART_DRAIN_S if restart else math.inf)
        systemd.notify(f"STOPPING=1\nSTATUS=draining, at most {timeout_s:g} s")
        _log.info("drain", timeout_s=timeout_s, sessions=sum(each.sessions for each in self._workers.values()))
        if not restart:
            gevent.sleep(self.config.settings.stop_notice_s)  # load balancers hear of it meanwhile
        workers = list(self._workers.values())
        for each in workers:
            try:
                each.channel.send({"command": "drain", "timeout_s": timeout_s})
            except OSError:
                continue  # it has died already
        # the workers close theirs: whoever connects now goes elsewhere instead of waiting for nobody, or waits for our successor
        self._sockets.close(restart=restart)
        gevent.wait([each.exited for each in workers], timeout=timeout_s + KILL_GRACE_S)
        for each in workers:
            if not each.exited.is_set():
                _log.error("worker.killed", worker=each.number, pid=each.pid)
                os.kill(each.pid, signal.SIGKILL)
        self._control.close()
        _log.info("stopped")


def _fingerprints(config: Config) -> dict[str, str]:
    return {name: tenant.fingerprint for name, tenant in config.tenants.items()}


def _report_problems(config: Config) -> None:
    for problem in config.problems:
        (_log.error if problem.is_error else _log.warning)("config.problem", problem=str(problem))


def _let_go_of_all_but(kept: set[int]) -> None:
    """In a child: give up the parent's descriptors, such as its end of other workers' channels.

    They become /dev/null instead of free numbers: the objects that they belong to are still there, and one of them that closes its
    number later must not close what has got the same number meanwhile.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in kept | {null}:
            with contextlib.suppress(OSError):  # the one that listed the folder has gone
                os.fstat(fd)
                os.dup2(null, fd, inheritable=False)
    os.close(null)


def _described(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
