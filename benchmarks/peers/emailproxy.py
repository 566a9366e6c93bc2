"""email-oauth2-proxy: the nearest open-source neighbour; a desktop program that turns a password login into XOAUTH2."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from benchmarks.harness.lab import Lab, address
from benchmarks.peers.base import ProxyPeer
from cgappliance.testing.lab.process import clean_environment

ACCOUNTS = 20  #: each login costs it 190 ms (PBKDF2 for its token store): more accounts would only stretch the warm-up
SERVERS = {"imap": "IMAP", "pop3": "POP", "smtp": "SMTP"}

SERVER = """
[{kind}-{port}]
local_address = 127.0.0.1
local_certificate_path = {certificate}
local_key_path = {key}
server_address = localhost
server_port = {upstream}
"""

ACCOUNT = """
[{address}]
token_url = {token_url}
oauth2_scope = https://mail.google.com/
oauth2_flow = client_credentials
client_id = bench
client_secret = bench
redirect_uri = http://localhost
token_iterations = 1000
"""


class EmailProxy(ProxyPeer):
    """IMAP, POP and SMTP with tokens of a client-credentials flow."""

    name = "email-oauth2-proxy"
    about = "email-oauth2-proxy, XOAUTH2 with tokens of a local endpoint, 20 accounts, no directory"
    unfit: ClassVar[Mapping[str, str]] = {
        "imap-idle": "a login costs it 190 ms of CPU: 5,000 sessions would take 16 minutes",
        "imap-noop-100": "a login costs it 190 ms of CPU",
    }

    def __init__(self, lab: Lab) -> None:
        """Find the program where ``script/bench`` has put it."""
        super().__init__(lab)
        self._program = Path(os.environ.get("CGBENCH_TOOLS", "")) / "bin" / "emailproxy"
        if not self._program.exists():
            raise FileNotFoundError(
                "emailproxy is not installed (script/bench does it; or set CGBENCH_TOOLS to a venv that has it)"
            )

    @property
    def users(self) -> int | None:
        """How many accounts its configuration holds."""
        return ACCOUNTS

    def configure(self) -> None:
        """Write servers and accounts; tokens of an earlier start are forgotten."""
        pair, upstream = self.lab.certificate, self.lab.upstream
        servers = [
            SERVER.format(
                kind=kind,
                port=self.ports[protocol],
                certificate=pair.certificate,
                key=pair.private_key,
                upstream=upstream.ports[f"{protocol}:tls"],
            )
            for protocol, kind in SERVERS.items()
        ]
        accounts = [ACCOUNT.format(address=address(user), token_url=upstream.token_url) for user in range(ACCOUNTS)]
        (self.folder / "emailproxy.config").write_text("".join(servers + accounts))

    def argv(self) -> list[str]:
        """Run without a window."""
        return [
            str(self._program),
            "--no-gui",
            "--config-file",
            str(self.folder / "emailproxy.config"),
            "--log-file",
            str(self.log_file),
        ]

    def exits(self) -> frozenset[int]:
        """Return the exit statuses that are right; it ends with 1 when it is told to end."""
        return super().exits() | {1}

    def environment(self) -> dict[str, str]:
        """Trust the benchmark's CA: it has no setting for one."""
        return clean_environment(SSL_CERT_FILE=str(self.lab.ca_file), HOME=str(self.folder))
