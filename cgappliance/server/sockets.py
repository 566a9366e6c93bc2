"""The listening sockets of the appliance, owned by the supervisor: bound once, kept while some tenant wants them, given to workers.

A socket that survives a reload or the death of a worker keeps its queue in the kernel: no connection attempt is refused. So
does one that systemd keeps while the service restarts.
"""

from __future__ import annotations

import _socket
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cgappliance import log
from cgappliance.model import Tenant
from cgappliance.net.listener import bind
from cgappliance.server import systemd

_log = log.get()

Endpoint = tuple[str, int]  #: address and port, as in the tenant file


def endpoints(tenants: Iterable[Tenant]) -> Iterator[Endpoint]:
    """Yield every address and port that the tenants listen on."""
    for tenant in tenants:
        for port in tenant.listen.ports.values():
            for address in tenant.listen.addresses:
                yield address, port


@dataclass(frozen=True, slots=True)
class Rebound:
    """What ``Sockets.rebind`` did."""

    added: Mapping[Endpoint, _socket.socket]
    removed: frozenset[Endpoint]
    failed: Mapping[Endpoint, str]  #: why an endpoint could not be bound


class Sockets:
    """The open listening sockets by endpoint."""

    def __init__(self, inherited: Iterable[int] = ()) -> None:
        """Start with what the service manager handed over, by the names that the kernel knows them by."""
        self.open: dict[Endpoint, _socket.socket] = {}
        for fd in inherited:
            sock = _socket.socket(fileno=fd)
            sock.setblocking(False)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                self.open[sock.getsockname()[:2]] = sock

    def rebind(self, wanted: Iterable[Endpoint]) -> Rebound:
        """Bind what is wanted and not open; tell what is no longer wanted (``drop`` closes it, once the workers have let go)."""
        wanted = set(wanted)
        added, failed = {}, {}
        for address, port in sorted(wanted - self.open.keys()):
            try:
                added[address, port] = bind(address, port)
                self._keep(address, port, added[address, port])
            except OSError as error:
                failed[address, port] = error.strerror or str(error)
                _log.error("listen.failed", address=address, port=port, error=error.strerror)
        self.open |= added
        return Rebound(added, frozenset(self.open.keys() - wanted), failed)

    def _keep(self, address: str, port: int, sock: _socket.socket) -> None:
        if not systemd.keep(_kept_name((address, port)), sock.fileno()):
            _log.warning(
                "listen.not_kept", address=address, port=port, remedy="connections will be refused while the service restarts"
            )

    def drop(self, gone: Iterable[Endpoint]) -> None:
        """Close sockets that no tenant wants any more, systemd's copies too."""
        for endpoint in gone:
            self.open.pop(endpoint).close()
            systemd.forget(_kept_name(endpoint))

    def close(self, *, restart: bool = False) -> None:
        """Close all; in a restart, systemd's copies stay open for the next process, and connections wait for it in their queues."""
        if not restart:
            self.drop(list(self.open))
        for sock in self.open.values():
            sock.close()
        self.open.clear()


def _kept_name(endpoint: Endpoint) -> str:
    address, port = endpoint
    return f"{address.replace(':', '_')}-{port}"  # a colon ends a name in LISTEN_FDNAMES
