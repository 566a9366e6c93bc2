"""The TLS contexts of listeners and upstreams, shared among the tenants of a process (``shared_tls.py``)."""

from __future__ import annotations

import ssl
from pathlib import Path

from cgappliance.model import MailProtocol
from cgappliance.net.tls import client_context, server_context
from cgappliance.shared_tls import SharedContexts


class Contexts:
    """The contexts of one process that are in use."""

    def __init__(self) -> None:
        """Start without any."""
        self._shared = SharedContexts()

    def server(self, certificate: Path, private_key: Path, protocol: MailProtocol) -> ssl.SSLContext:
        """Return the context of a listener. Reads the files.

        Raises:
            OSError, ssl.SSLError: as ``server_context``.
        """

        def make() -> ssl.SSLContext:
            return server_context(certificate, private_key, protocol)

        return self._shared.get(make, certificate, private_key, kind=protocol)

    def client(self, ca_file: Path | None) -> ssl.SSLContext:
        """Return the context for an upstream. Reads the files.

        Raises:
            OSError, ssl.SSLError: as ``client_context``.
        """
        return self._shared.get(lambda: client_context(ca_file), ca_file)
