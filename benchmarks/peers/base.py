"""What every peer is: a name, where it listens, how it is started and stopped, and what it cannot do."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks.harness import meter
from benchmarks.harness.cores import pinned
from benchmarks.harness.lab import Lab
from benchmarks.harness.loadgen import Target
from benchmarks.harness.scale import Scale
from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port, port_open

ALL_PROTOCOLS = ("imap", "pop3", "smtp")
START_TIMEOUT_S = 60.0
LAST_WORDS = 2000  #: characters of a peer's output that are shown when it failed


class Peer(ABC):
    """Somebody who is measured."""

    name: ClassVar[str]
    about: ClassVar[str]  #: one line for the table: what it does of the work, and with what settings
    unfit: ClassVar[Mapping[str, str]] = {}  #: workload (or the start of its name) -> why it is left out

    def __init__(self, lab: Lab) -> None:
        """Remember the back ends; nothing runs before ``start``."""
        self.lab = lab

    def accounts_for_logins(self, scale: Scale) -> range:
        """Return the accounts for the next measurement of logins; a peer that must not remember them gives new ones each time."""
        return range(scale.users)

    def get_acquainted(self, log_in: Callable[[range], None], scale: Scale) -> None:
        """Let every account log in once, by ``log_in``: what is measured is the everyday, not the first time."""
        log_in(range(scale.users))

    @property
    def users(self) -> int | None:
        """How many accounts it can serve; None: all."""
        return None

    @abstractmethod
    def start(self) -> None:
        """Run it; returns when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""

    @abstractmethod
    def target(self, protocol: str, users: int, first_user: int = 0) -> Target:
        """Return where it listens."""

    def cpu_s(self) -> float | None:
        """Return the CPU seconds of its process tree so far; None: it has none."""
        return None

    def pss_kib(self) -> int | None:
        """Return the memory of its process tree; None: it has none."""
        return None

    def last_words(self) -> str:
        """Return the end of what it printed: the first thing to look at when it failed."""
        return ""

    def why_unfit(self, workload: str) -> str | None:
        """Return why a workload makes no sense for it."""
        for start, reason in self.unfit.items():
            if workload.startswith(start):
                return reason
        return None


class ProxyPeer(Peer):
    """A peer that is a server program between client and upstream, on the proxy's core."""

    stop_timeout_s: ClassVar[float] = 20.0

    def __init__(self, lab: Lab, label: str = "") -> None:
        """Choose ports; ``configure`` writes what the program reads. Each instance has a folder of its own."""
        super().__init__(lab)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{label or self.name}-", dir=lab.folder))
        self.folder.chmod(0o755)
        self.ports = {protocol: free_port() for protocol in ALL_PROTOCOLS}
        self._meter: meter.Meter | None = None
        self._process: ServerProcess | None = None
        self._starts = 0

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration into ``folder``. Called before each start."""

    @abstractmethod
    def argv(self) -> list[str]:
        """Return the command, which must stay in the foreground."""

    def environment(self) -> dict[str, str]:
        """Return all that the program sees of the environment."""
        return clean_environment()

    def cores(self) -> tuple[int, ...]:
        """Return the cores that it may use."""
        return (self.lab.cores.proxy,)

    def ready(self) -> bool:
        """Whether it serves."""
        return all(port_open("127.0.0.1", port) for port in self.ports.values())

    def exits(self) -> frozenset[int]:
        """Return the exit statuses that are right."""
        return frozenset({0, -15, 143})

    def start(self) -> None:
        """Run it in a meter on its cores; returns when it is ready."""
        self.configure()
        self._starts += 1
        self._meter = meter.make_meter(f"{self.folder.name}-{self._starts}")
        self._process = ServerProcess(
            self._meter.wrap(pinned(self.argv(), *self.cores())),
            log=self.folder / "output.log",
            ready=self.ready,
            environment=self.environment(),
            exits=self.exits(),
            start_timeout_s=START_TIMEOUT_S,
            stop_timeout_s=self.stop_timeout_s,
        )
        try:
            self._process.start()
        except BaseException:
            self._process = None
            self.stop()
            raise
        self._meter.watch(self._process.pid)

    def stop(self) -> None:
        """End it and what it started.

        Raises:
            ServerFailed: it had crashed, or did not end when told so.
        """
        process, measured = self._process, self._meter
        self._process = self._meter = None
        try:
            if process is not None:
                process.stop()
        finally:
            if measured is not None:
                measured.close()

    @property
    def log_file(self) -> Path:
        """Where it prints to."""
        return self.folder / "output.log"

    def cpu_s(self) -> float | None:
        """Return the CPU seconds of its process tree so far."""
        return self._meter.cpu_s() if self._meter else None

    def pss_kib(self) -> int | None:
        """Return the memory of its process tree."""
        return meter.pss_kib(self._meter.pids()) if self._meter else None

    @property
    def root_pid(self) -> int:
        """The process that was started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    def pids(self) -> list[int]:
        """Return the processes that it consists of now."""
        return self._meter.pids() if self._meter else []

    def target(self, protocol: str, users: int, first_user: int = 0) -> Target:
        """Return where it listens."""
        most = self.users
        return Target(protocol, self.ports[protocol], self.lab.ca_file, min(users, most) if most else users, first_user)

    def last_words(self) -> str:
        """Return the end of what it printed."""
        return self.log_file.read_text(errors="replace")[-LAST_WORDS:] if self.log_file.exists() else ""

    def open_files(self) -> int:
        """Return how many file descriptors a server may be told to use: what the kernel gives this process."""
        return os.sysconf("SC_OPEN_MAX")
