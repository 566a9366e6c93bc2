"""The processes of the supervisor: starts them, replaces those that die or hang, and asks them.

Two rules make forking safe: it happens in the main greenlet, which has nothing above it that could be returned to, and threads are
never used in the supervisor, since a fork would take their locks along and leave the threads behind.
"""

from __future__ import annotations

import _socket
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol

import gevent
from gevent.event import Event
from gevent.queue import Queue

from cgappliance import log, metrics
from cgappliance.greenlets import spawn
from cgappliance.net.counts import SharedCounts
from cgappliance.server import systemd
from cgappliance.server.channel import Channel, Message
from cgappliance.server.process import ANSWER_S, Process
from cgappliance.server.site import SITE

_log = log.get()

LATE_S: Final = 3.0  #: between two looks at the workers, of which there is one a second; more: this process itself stood still
RESTART_MIN_S: Final = 0.1
RESTART_MAX_S: Final = 10.0  #: a worker that dies at once again is started ever more slowly, up to this
STABLE_S: Final = 30.0  #: a worker that lived for so long was no failed start
STOP: Final = object()  #: the last order


class Ears(Protocol):
    """Who hears what the workers say by themselves."""

    def absorb(self, deltas: list[Any]) -> None:
        """Take what a worker has counted."""
        ...

    def happened(self, kind: str, tenant: str, subject: str, text: str) -> None:
        """Take an event that the operator wants to know of."""
        ...


class Workforce:
    """The workers of one appliance, and its site."""

    def __init__(self, counts: SharedCounts, ears: Ears, become: Callable[[int, str, _socket.socket], NoReturn]) -> None:
        """Start nothing yet.

        Args:
            counts: what the workers count together; the part of one that has died is cleared.
            ears: hears their metrics and notices.
            become: is called in a forked child with its number, its incarnation and its end of the channel.
        """
        self._counts = counts
        self._ears = ears
        self._become = become
        self._processes: dict[int, Process] = {}
        self._restarts = {False: 0, True: 0}  # of the workers, and of the site: one does not slow the other down
        self._orders: Queue[Any] = Queue()  # numbers of workers to start, and STOP; bounded by the number of workers
        self.stopping = Event()
        self.serving = Event()  #: all workers have been ready at the same time; the site is not waited for: mail comes first

    @property
    def all(self) -> list[Process]:
        """Every process, those that have just ended too."""
        return list(self._processes.values())

    @property
    def mail(self) -> list[Process]:
        """The workers, without the site."""
        return [each for each in self._processes.values() if not each.is_site]

    # ---- lives

    def start(self, number: int) -> None:
        """Fork a process. Only ever called in the main greenlet."""
        ours, theirs = _socket.socketpair()  # bare: a child must not inherit a socket that is tied to our event loop
        incarnation = f"{os.getpid()}-{secrets.token_hex(8)}"
        pid = gevent.os.fork_and_watch()
        if pid == 0:
            self._become(number, incarnation, theirs)
        theirs.close()
        now = time.monotonic()
        each = Process(number, pid, incarnation, Channel(socket.socket(fileno=ours.detach())), now, now)
        self._processes[number] = each
        spawn(f"worker {number} channel", self._listen_to, each)
        spawn(f"worker {number} exit", self._await_exit, each)
        _log.info("worker.started", worker=number, pid=pid)

    def keep_up(self) -> None:
        """Start successors of those that end, until ``stop``. Only ever called in the main greenlet. Blocks."""
        while (number := self._orders.get()) is not STOP:
            self.start(number)

    def stop(self) -> None:
        """Replace nobody any more; a second call kills all."""
        if self.stopping.is_set():
            _log.warning("stop.now")
            for each in self._processes.values():
                each.kill()
        self.stopping.set()
        self._orders.put(STOP)

    def _await_exit(self, each: Process) -> None:
        _pid, status = os.waitpid(each.pid, 0)
        each.has_ended()
        if not each.is_site:
            self._counts.clear(each.number)
        if self.stopping.is_set():
            return
        delay_s = self._delay_s(each)
        cause = "hung" if each.hung else "died"
        metrics.WORKER_RESTARTS.add(cause)
        what = f"a worker {cause} ({_described(status)}) and is replaced; its sessions are lost"
        self._ears.happened("worker", "", str(each.number), what)
        _log.error("worker.died", worker=each.number, pid=each.pid, status=_described(status), restart_in_s=delay_s)
        gevent.sleep(delay_s)
        if not self.stopping.is_set():
            self._orders.put(each.number)

    def _delay_s(self, each: Process) -> float:
        """Return how long the successor waits; one that died at once again was started too soon."""
        lived_s = time.monotonic() - each.started_at
        restarts = self._restarts[each.is_site] = 0 if lived_s > STABLE_S else self._restarts[each.is_site] + 1
        return 0.0 if restarts <= 1 else min(RESTART_MIN_S * 2 ** (restarts - 1), RESTART_MAX_S)

    # ---- signs of life

    def _listen_to(self, each: Process) -> None:
        while True:
            try:
                received = each.channel.receive()
            except OSError:
                return
            if received is None:
                return
            each.seen_at = time.monotonic()
            self._hear(each, received[0])

    def _hear(self, each: Process, message: Message) -> None:
        if message["event"] == "ready":
            each.ready.set()
            if all(other.is_serving for other in self.mail):
                self.serving.set()
        elif message["event"] == "alive":
            each.sessions = message["sessions"]
            self._ears.absorb(message.get("metrics", []))
        elif message["event"] == "notice":
            self._ears.happened(message["kind"], message["tenant"], message["subject"], message["text"])
        elif message["event"] == "answer":
            each.answered(message)

    def watch(self, hang_s: float) -> None:
        """Replace workers that were silent for ``hang_s`` seconds; tell systemd's watchdog that this loop turns. Blocks."""
        watchdog_s = systemd.watchdog_interval_s()
        last = time.monotonic()
        while not self.stopping.is_set():
            now = time.monotonic()
            if now - last < LATE_S:  # else it was us who slept, and what the workers said meanwhile is still to be read
                self._replace_those_that_hang(now, hang_s)
            last = now
            if watchdog_s is not None:
                systemd.notify("WATCHDOG=1")
            gevent.sleep(min(1.0, watchdog_s or 1.0))

    def _replace_those_that_hang(self, now: float, hang_s: float) -> None:
        for each in self._processes.values():
            if not each.exited.is_set() and now - each.seen_at > hang_s:
                _log.error("worker.hangs", worker=each.number, pid=each.pid, seconds=round(now - each.seen_at, 1))
                each.hung = True
                each.kill()

    def silent_s(self) -> dict[int, float]:
        """Return how long ago each running worker's event loop has last turned, by the worker's number."""
        now = time.monotonic()
        return {each.number: now - each.seen_at for each in self.mail if each.is_serving}

    # ---- questions

    def ask_one(self, command: str, *, timeout_s: float, **arguments: Any) -> Any:
        """Return the answer of the worker that has shown the latest sign of life. Blocks for at most ``timeout_s`` seconds.

        Raises:
            OSError: there is none, or it does not answer, or could not do it.
        """
        able = [each for each in self.mail if each.is_serving]
        if not able:
            raise ChildProcessError("no worker is ready")
        return max(able, key=lambda each: each.seen_at).ask(command, timeout_s=timeout_s, **arguments)

    def ask_all(self, command: str, fds: list[int] | None = None, *, timeout_s: float = ANSWER_S, **arguments: Any) -> list[Any]:
        """Return the answers of all workers; those that have died meanwhile are left out (their successors start fresh)."""

        def ask(each: Process) -> Any:
            try:
                return [each.ask(command, fds, timeout_s=timeout_s, **arguments)]
            except OSError as error:
                _log.warning("worker.silent", worker=each.number, pid=each.pid, command=command, detail=str(error))
                return []

        jobs = [gevent.spawn(ask, each) for each in self.mail if not each.exited.is_set()]
        gevent.joinall(jobs)
        return [answer for job in jobs for answer in job.get()]

    def tell_site(self, command: str, **arguments: Any) -> None:
        """Have the site do what the workers have done; one that is silent is replaced by the watch, and starts fresh."""
        each = self._processes.get(SITE)
        if each is None or each.exited.is_set():
            return
        try:
            each.ask(command, **arguments)
        except OSError as error:
            _log.warning("worker.silent", worker=each.number, pid=each.pid, command=command, detail=str(error))

    def dismiss(self, timeout_s: float) -> None:
        """Let all drain for ``timeout_s`` seconds. Does not wait for them: ``bury`` does."""
        for each in self._processes.values():
            try:
                each.channel.send({"command": "drain", "timeout_s": timeout_s})
            except OSError:
                continue  # it has died already

    def bury(self, timeout_s: float) -> None:
        """Wait until all have ended, for ``timeout_s`` seconds at most; then kill."""
        gevent.wait([each.exited for each in self._processes.values()], timeout=timeout_s)
        for each in self._processes.values():
            if not each.exited.is_set():
                _log.error("worker.killed", worker=each.number, pid=each.pid)
                each.kill()


def _described(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
