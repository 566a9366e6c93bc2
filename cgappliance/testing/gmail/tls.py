"""The TLS side of the mail servers: one context, and which name each client asked for.

gevent's own TLS, so that it works whether or not the process is patched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gevent import ssl


class ServerTls:
    """A server's TLS context that also tells which name the client asked for (SNI)."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(certificate, private_key)
        self.context.sni_callback = self._note_name
        self._names: dict[int, str | None] = {}

    def wrap(self, sock: Any) -> tuple[Any, str | None]:
        """Return the TLS socket after the handshake, and the server name from the client's hello.

        Raises:
            OSError: the handshake failed.
        """
        number = sock.fileno()
        try:
            wrapped = self.context.wrap_socket(sock, server_side=True)
        finally:
            name = self._names.pop(number, None)
        return wrapped, name

    def _note_name(self, sock: Any, name: str | None, _context: Any) -> None:
        self._names[sock.fileno()] = name
