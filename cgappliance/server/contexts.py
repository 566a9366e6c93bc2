"""TLS contexts that tenants share: who shows the same certificate, or trusts the same CAs, need not have them loaded once more.

The system's CAs alone take 0.8 MB and 15 ms for each context, and nearly every tenant wants just those, three times. What is shared
is what the files say: TLS sessions to resume are each tenant's own (``net/tls.py#UpstreamTls``), and so are connections.

Contexts are found by the content of their files. A renewed certificate gives a new context, under an unchanged name too, and the
older one goes with the last tenant that uses it.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Hashable
from pathlib import Path
from weakref import WeakValueDictionary

from cgappliance.model import MailProtocol
from cgappliance.net.tls import client_context, server_context


class Contexts:
    """The contexts of one process that are in use."""

    def __init__(self) -> None:
        """Start without any."""
        self._known: WeakValueDictionary[Hashable, ssl.SSLContext] = WeakValueDictionary()

    def server(self, certificate: Path, private_key: Path, protocol: MailProtocol) -> ssl.SSLContext:
        """Return the context of a listener. Reads the files.

        Raises:
            OSError, ssl.SSLError: as ``server_context``.
        """
        return self._shared(
            lambda: (protocol, _digest(certificate), _digest(private_key)),
            lambda: server_context(certificate, private_key, protocol),
        )

    def client(self, ca_file: Path | None) -> ssl.SSLContext:
        """Return the context for an upstream. Reads the files.

        Raises:
            OSError, ssl.SSLError: as ``client_context``.
        """
        return self._shared(lambda: _system_cas() if ca_file is None else _digest(ca_file), lambda: client_context(ca_file))

    def _shared(self, content: Callable[[], Hashable], make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the context of this content, made if there is none; files that change meanwhile give one that nobody shares."""
        before = content()
        known = self._known.get(before)
        if known is not None:
            return known
        made = make()
        if content() == before:
            self._known[before] = made
        return made


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _system_cas() -> Hashable:
    """Return what changes when the system's CAs do: a bundle has new times then, and so has the folder of their hashes."""
    paths = ssl.get_default_verify_paths()
    stamps = []
    for path in (paths.cafile, paths.capath):
        if path is not None:
            status = Path(path).stat()
            stamps.append((path, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamps)
