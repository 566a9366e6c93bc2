"""Real server processes: started in a clean environment, waited for, stalled, stopped and proven gone.

Rules of this file: every wait has a deadline; what a server prints goes to a file and into the error when it fails; a server never
outlives the process that started it, not even when that one is killed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

START_TIMEOUT_S = 15.0  #: the slowest server of the lab (Samba) needs 1 s on an idle machine; a busy one is ten times slower
STOP_TIMEOUT_S = 10.0
POLL_S = 0.01  #: far below anything that a test measures
CONNECT_TIMEOUT_S = 1.0  #: one try to reach a port on this machine
LOG_TAIL_BYTES = 4096  #: what an error shows of a server's log

LOWEST_FREE_PORT = 10000  #: tenants listen on five-digit ports
HIGHEST_FREE_PORT = 32767  #: above it the kernel takes ports for outgoing connections (net.ipv4.ip_local_port_range)
FREE_PORT_TRIES = 200

ENDED_AS_ASKED = frozenset({0, -signal.SIGTERM})

_given_out: set[tuple[str, int]] = set()


class ServerFailed(AssertionError):
    """A server did not start, did not stop, or ended by itself; the message ends with the tail of its log."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Return an environment that holds a path, a language and ``extra``, and nothing of the caller's.

    A CA bundle, a proxy or a preloaded library of the developer's shell would make a test prove nothing.
    """
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **extra}


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port of ``host`` that nobody listens on, five digits, never the same one twice.

    It lies below the kernel's range for outgoing connections, so that none of those can take it before the server does.

    Raises:
        ServerFailed: none was found; the machine is full.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(FREE_PORT_TRIES):
        port = random.randint(LOWEST_FREE_PORT, HIGHEST_FREE_PORT)
        if (host, port) in _given_out:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        _given_out.add((host, port))
        return port
    raise ServerFailed(f"no free port on {host} in {FREE_PORT_TRIES} tries")


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return as soon as ``condition()`` is true. Blocks, cooperatively when the process is patched.

    Raises:
        TimeoutError: it was not true within ``timeout_s`` seconds; ``what`` says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(POLL_S)


def port_open(host: str, port: int) -> bool:
    """Return whether somebody accepts connections there now."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


class ServerProcess:
    """One server process and its children, in a process group of their own.

    ``with ServerProcess([...], log=folder / "x.log", ready=lambda: port_open(host, port)):`` starts it, waits until it is ready,
    and stops it at the end, proving that it went and that its exit status was one of ``exits``. It may be started again then.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], object] = lambda: True,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        exits: frozenset[int] = ENDED_AS_ASKED,
        start_timeout_s: float = START_TIMEOUT_S,
        stop_timeout_s: float = STOP_TIMEOUT_S,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Describe the server; nothing runs before ``start``.

        Args:
            argv: program and arguments; the program must stay in the foreground.
            log: where its standard output and error are appended.
            ready: called until it is true; it must not wait longer than a moment itself.
            environment: all that it sees; default: ``clean_environment()``.
            folder: its working directory; default: the log's.
            exits: exit statuses that are right after ``stop``, negative for signals.
            start_timeout_s: seconds until it must be ready.
            stop_timeout_s: seconds that it may take to end when told so.
            stop_signal: what tells it to end; some servers wait for their clients on SIGTERM.
        """
        self.argv = [str(part) for part in argv]
        self.log = log
        self._ready = ready
        self.environment = dict(clean_environment() if environment is None else environment)
        self._folder = folder or log.parent
        self._exits = exits
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The program's name, for messages."""
        return Path(self.argv[0]).name

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            ServerFailed: it is not started.
        """
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether it is started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            ServerFailed: it ended, or was not ready in time; it does not run then.
        """
        if self._process is not None:
            raise ServerFailed(f"{self.name} is started already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                # the kernel tells it to end when we die without a word; setpriv is Debian's, and keeps the process id
                ["setpriv", "--pdeathsig", "TERM", "--", *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self._folder,
                start_new_session=True,
            )
        try:
            wait_until(self._ready_or_dead, f"{self.name} ready", self._start_timeout_s)
        except BaseException as error:
            self.kill()
            if isinstance(error, TimeoutError):
                raise ServerFailed(f"{error}\n{self.log_tail()}") from None
            raise
        return self

    def _ready_or_dead(self) -> bool:
        if not self.alive:
            status = self._running().returncode
            raise ServerFailed(f"{self.name} ended with status {status} before it was ready\n{self.log_tail()}")
        return bool(self._ready())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and all its children."""
        os.killpg(self._running().pid, number)

    def stall(self) -> None:
        """Make it stop answering while its port stays open, as an overloaded server does. Undone by ``resume``."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stalled server go on."""
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it with its stop signal (SIGTERM) and wait until it has gone. Does nothing when it is not started.

        Raises:
            ServerFailed: it had ended by itself, had to be killed, or its exit status is none of ``exits``.
        """
        if self._process is None:
            return
        process, died_before = self._process, not self.alive
        if not died_before:
            self.resume()
            process.send_signal(self._stop_signal)
        try:
            status = process.wait(self._stop_timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(
                f"{self.name} did not end within {self._stop_timeout_s:g} s of {self._stop_signal.name}\n{self.log_tail()}"
            ) from None
        self._reap()
        if died_before or status not in self._exits:
            when = "by itself" if died_before else f"after {self._stop_signal.name}"
            raise ServerFailed(f"{self.name} ended {when} with status {status}\n{self.log_tail()}")

    def kill(self) -> None:
        """End it and its children at once with SIGKILL, as a crash would. Does nothing when it is not started."""
        if self._process is not None:
            if self.alive:
                self._process.kill()
            self._reap()

    def _reap(self) -> None:
        """Collect the process, end what it left of its group, and be ready to start again."""
        process = self._running()
        process.wait(self._stop_timeout_s)
        with contextlib.suppress(ProcessLookupError):  # the usual case: nothing is left of the group
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed(f"{self.name} is not started")
        return self._process

    def log_text(self) -> str:
        """Return all that the server has printed so far, over all its starts."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        """Return the end of the log, for an error message."""
        return self.log_text()[-LOG_TAIL_BYTES:]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()  # the test has failed already: do not hide its error behind ours
