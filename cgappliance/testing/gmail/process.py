"""The look-alike as a process of its own, for integration tests, the demo and benchmarks.

``with GmailProcess(folder) as gmail:`` runs it; ``gmail.ports``, ``gmail.ca_file`` and ``gmail.service_account_file`` are what a
tenant file needs, and ``gmail.control`` drives it. Ports and key survive ``stop`` and ``start``; accounts and mail are those of the
``seed`` file again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.client import GmailControl
from cgappliance.testing.gmail.server import SERVICES
from cgappliance.testing.lab.certificates import Authority, KeyPair
from cgappliance.testing.lab.process import ServerProcess, free_port

HOST = "127.0.0.1"


class GmailProcess:
    """One look-alike in a folder of its own, on free ports."""

    def __init__(
        self,
        folder: Path,
        authority: Authority | None = None,
        seed: Path | None = None,
        *,
        key_pair: KeyPair | None = None,
        host: str = HOST,
    ) -> None:
        """Prepare the folder; nothing runs before ``start``.

        Args:
            folder: is made, and holds log, key file and certificates.
            authority: issues the certificate; default: a new one.
            seed: TOML file of accounts to start with (``seed.py``).
            key_pair: another certificate than the good one.
            host: the loopback address to listen on.
        """
        folder.mkdir(parents=True, exist_ok=True)
        authority = authority or Authority(folder, "gmail")
        pair = key_pair or authority.issue("localhost", host, file="gmail")
        self.host, self.ca_file = host, authority.ca_file
        self.service_account_file = folder / "service-account.json"
        self.ports = {name: free_port(host) for name in SERVICES}
        self._ready_file = folder / "ready.json"
        self._control: GmailControl | None = None
        arguments: list[str | Path] = ["--host", host, "--certificate", pair.certificate, "--private-key", pair.private_key]
        arguments += ["--service-account", self.service_account_file, "--ready-file", self._ready_file]
        arguments += [part for name, port in self.ports.items() for part in ("--port", f"{name}={port}")]
        arguments += ["--state", seed] if seed else []
        self.process = ServerProcess(
            [sys.executable, "-m", "cgappliance.testing.gmail", *arguments],
            log=folder / "gmail.log",
            ready=self._ready_file.exists,
        )

    @property
    def control(self) -> GmailControl:
        """The running look-alike's control."""
        assert self._control is not None, "the look-alike is not started"
        return self._control

    def upstream(self) -> str:
        """Return the ``[upstream]`` table of a tenant file that points here, without its ``ca_file``."""
        return "".join(f'{protocol.value}s = "localhost:{self.ports[protocol.value + "s"]}"\n' for protocol in MailProtocol)

    def apis(self) -> str:
        """Return the lines of a tenant file's ``[google]`` table by which administrators' tools come here."""
        return "".join(f'{api} = "http://{self.host}:{self.ports["http"]}"\n' for api in ("directory_api", "gmail_api"))

    def start(self) -> Self:
        """Start it; returns when all ports are open."""
        self._ready_file.unlink(missing_ok=True)
        self.process.start()
        self._control = GmailControl(f"http://{self.host}:{self.ports['control']}")
        return self

    def stop(self) -> None:
        """Stop it; its ports refuse connections then."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self.process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.process.kill()  # the test has failed already: do not hide its error behind ours
