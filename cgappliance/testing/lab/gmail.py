"""The Gmail look-alike as a process of its own, with its control client."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.client import GmailControl
from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.process import ServerProcess


class GmailProcess:
    """``with GmailProcess(folder, authority) as gmail:`` runs it; ``gmail.control`` gives it orders."""

    def __init__(self, folder: Path, authority: Authority, seed: Path | None = None, *, key_pair: KeyPair | None = None) -> None:
        """Prepare a look-alike; nothing runs before ``start``.

        Args:
            folder: is made if need be, and holds everything.
            authority: issues its certificate.
            seed: a TOML file of accounts.
            key_pair: another certificate than the good one.
        """
        folder.mkdir(parents=True, exist_ok=True)
        pair = key_pair or authority.issue(file="gmail")
        self.service_account_file = folder / "service-account.json"
        self._ready_file = folder / "ready.json"
        argv: list[str | Path] = [
            sys.executable,
            "-m",
            "cgappliance.testing.gmail",
            "--certificate",
            pair.certificate,
            "--private-key",
            pair.private_key,
        ]
        argv += ["--service-account", self.service_account_file, "--ready-file", self._ready_file]
        argv += [] if seed is None else ["--state", seed]
        self.process = ServerProcess(argv, log=folder / "gmail.log", ready=self._ready_file.exists)
        self.ports: dict[str, int] = {}

    def start(self) -> Self:
        """Start it. Blocks until it is ready."""
        self._ready_file.unlink(missing_ok=True)
        self.process.start()
        self.ports = json.loads(self._ready_file.read_text())
        self.control = GmailControl(f"http://127.0.0.1:{self.ports['control']}")
        return self

    def stop(self) -> None:
        """Stop it."""
        self.control.close()
        self.process.stop()

    def upstream(self) -> str:
        """Return the ``[upstream]`` table of a tenant file that points here, without its ``ca_file``."""
        return "".join(f'{protocol.value}s = "localhost:{self.ports[protocol.value + "s"]}"\n' for protocol in MailProtocol)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.process.kill()
