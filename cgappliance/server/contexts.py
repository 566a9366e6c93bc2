"""What the tenants of a process share of TLS and of the ways to upstreams (``shared_tls.py``).

Hundreds of tenants dial the same three servers of Gmail. They share what is learnt about a server: its addresses, and the TLS
session to resume. Neither says anything about a tenant, and an upstream that tenants trust for different reasons is not the same.
Connections, ready or in use, are each tenant's own.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from weakref import WeakValueDictionary

from cgappliance.model import HostPort, MailProtocol
from cgappliance.net.dial import Dialer
from cgappliance.net.tls import UpstreamTls, client_context, server_context
from cgappliance.shared_tls import SharedContexts


class Contexts:
    """The contexts of one process that are in use."""

    def __init__(self) -> None:
        """Start without any."""
        self._shared = SharedContexts()
        self._dialers: WeakValueDictionary[tuple[HostPort, ssl.SSLContext, float], Dialer] = WeakValueDictionary()

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

    def dialer(self, server: HostPort, ca_file: Path | None, timeout_s: float) -> Dialer:
        """Return what connects to an upstream in at most ``timeout_s`` seconds. Reads the file.

        Raises:
            OSError, ssl.SSLError: as ``client``.
        """
        context = self.client(ca_file)
        dialer = self._dialers.get((server, context, timeout_s))
        if dialer is None:
            dialer = self._dialers[server, context, timeout_s] = Dialer(UpstreamTls(server, context), timeout_s)
        return dialer
