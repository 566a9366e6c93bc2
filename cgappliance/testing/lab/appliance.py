"""The appliance as users run it: ``cgappliance serve`` in a process of its own, with tenant files in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cgappliance.model import MailProtocol
from cgappliance.server.control import ask
from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port

COMMAND_TIMEOUT_S = 30.0
DRAIN_S = 2.0  #: the lab's sessions end when told so; nobody waits a minute for them
STOP_TIMEOUT_S = 20.0


class AppliancePorts:
    """Free ports for one tenant."""

    def __init__(self) -> None:
        self.imaps, self.pop3s, self.smtps = free_port(), free_port(), free_port()

    def of(self, protocol: MailProtocol) -> int:
        """Return the port of a protocol."""
        return {MailProtocol.IMAP: self.imaps, MailProtocol.POP3: self.pop3s, MailProtocol.SMTP: self.smtps}[protocol]

    def toml(self) -> str:
        """Return the lines for a ``[listen]`` table."""
        return f"imaps = {self.imaps}\npop3s = {self.pop3s}\nsmtps = {self.smtps}\n"


class ApplianceProcess:
    """``with ApplianceProcess(folder) as appliance:`` runs ``serve``; ``appliance.tenant("acme", text)`` drops a file."""

    def __init__(
        self, folder: Path, *, limits: Mapping[str, Any] | None = None, workers: int = 1, top: str = "", extra: str = ""
    ) -> None:
        """Write ``cgappliance.toml``; nothing runs before ``start``.

        Args:
            folder: is made, and holds everything.
            limits: of the ``[limits]`` table; unless said otherwise refusals come after 0.2 s, and no connection is kept ready.
            workers: worker processes.
            top: further lines at the top of the file.
            extra: further tables.
        """
        self.conf_d = folder / "conf.d"
        self.conf_d.mkdir(parents=True)
        self.config = folder / "cgappliance.toml"
        lines = {"refusal_delay_s": 0.2, "warm_connections": 0, **(limits or {})}
        self.config.write_text(
            f'conf_d = "{self.conf_d}"\nrun_dir = "{folder}/run"\nstore = "sqlite:///{folder}/cgappliance.db"\n'
            f'key_file = "{folder}/store.key"\nworkers = {workers}\ndrain_timeout_s = {DRAIN_S}\n{top}\n'
            "[limits]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()) + f'\n[log]\nlevel = "debug"\n{extra}'
        )
        argv: list[str | Path] = [sys.executable, "-m", "cgappliance", "--config", self.config, "serve"]
        self.process = ServerProcess(argv, log=folder / "appliance.log", ready=self._ready, stop_timeout_s=STOP_TIMEOUT_S)
        self._log_at_start = 0

    def _ready(self) -> bool:
        return "event=ready" in self.process.log_text()[self._log_at_start :]

    def tenant(self, name: str, text: str) -> Path:
        """Write a tenant file, atomically, and return its path; a running appliance notices by itself."""
        path = self.conf_d / f"{name}.toml"
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.rename(path)
        return path

    def command(self, *arguments: str, check: bool = True, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``cgappliance`` with this appliance's configuration, ``typed`` on its standard input, and return what it printed.

        Raises:
            CalledProcessError: its exit status is not 0 and ``check`` is true.
        """
        return subprocess.run(
            [sys.executable, "-m", "cgappliance", "--config", str(self.config), *arguments],
            input=typed,
            capture_output=True,
            text=True,
            check=check,
            timeout=COMMAND_TIMEOUT_S,
            env=clean_environment(),
        )

    def ask(self, command: str, **arguments: Any) -> Any:
        """Return the answer of the control socket, as the command line gets it."""
        return ask(self.config.parent / "run", command, **arguments)

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and return its answer."""
        return json.loads(self.command(*arguments, "--json").stdout)

    def log_lines(self, event: str) -> list[str]:
        """Return the log's lines of one event."""
        return [line for line in self.process.log_text().splitlines() if f" event={event} " in line]

    def start(self) -> Self:
        """Start it. Blocks until it is ready."""
        self._log_at_start = len(self.process.log_text())
        self.process.start()
        return self

    def stop(self) -> None:
        """Stop it with SIGTERM and prove that it went."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.process.kill()
