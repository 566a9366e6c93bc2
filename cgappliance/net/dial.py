"""Connects to an upstream: name to address, TCP, TLS with the host name checked. Greets nobody, logs nobody in."""

from __future__ import annotations

import _socket
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

import gevent.socket
from gevent import get_hub

from cgappliance.errors import DeadlineExceeded, LoginFailed, PeerGone, TlsFailed
from cgappliance.model import HostPort, Reason
from cgappliance.net.deadline import deadline
from cgappliance.net.stream import WRITE, TlsStream, tune
from cgappliance.net.tls import UpstreamTls

RESOLVE_TTL_S: Final = 30.0  #: Gmail's records live 300 s; a thread hop per login for them would cost more than the login's parsing
RESOLVE_STALE_S: Final = 3600.0  #: a name server that fails does not stop logins as long as the old address answers
CONNECT_TIMEOUT_S: Final = 5.0  #: per address; the upstream's time-out bounds all of them together

SockAddr = tuple[int, tuple[object, ...]]  #: address family and what connect() wants


class Resolver:
    """Addresses of one host, kept for ``RESOLVE_TTL_S`` seconds, and longer while the name server is down."""

    def __init__(self, server: HostPort, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._known: list[SockAddr] = []
        self._asked_at = 0.0

    def addresses(self) -> list[SockAddr]:
        """Return the addresses in the order to try. May block in a thread of gevent's resolver.

        Raises:
            LoginFailed: UPSTREAM_UNAVAILABLE, the name cannot be resolved.
        """
        age = self._clock() - self._asked_at
        if self._known and age < RESOLVE_TTL_S:
            return self._known
        try:
            found = gevent.socket.getaddrinfo(self._server.host, self._server.port, type=socket.SOCK_STREAM)
        except OSError as error:
            if self._known and age < RESOLVE_STALE_S:
                return self._known
            raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, f"{self._server.host}: {error.strerror or error}") from error
        self._known = [(family, address) for family, _, _, _, address in found]
        self._asked_at = self._clock()
        return self._known


class Dialer:
    """Makes connections to one server, for whoever asks."""

    def __init__(self, tls: UpstreamTls, timeout_s: float) -> None:
        """Dial ``tls.server``; ``timeout_s`` bounds name, TCP and TLS together."""
        self.tls = tls
        self.timeout_s = timeout_s
        self._resolver = Resolver(tls.server)

    def connect(self) -> TlsStream:
        """Return a stream that has shaken hands with the server and said nothing yet. Blocks; the caller closes it.

        Raises:
            LoginFailed: UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT or UPSTREAM_TLS, with server and cause.
        """
        try:
            with deadline(self.timeout_s, self.tls.server):
                return self._handshake(self._connect_any())
        except DeadlineExceeded as error:
            raise LoginFailed(Reason.UPSTREAM_TIMEOUT, str(error)) from error
        except TlsFailed as error:
            raise LoginFailed(Reason.UPSTREAM_TLS, f"{self.tls.server}: {error}") from error
        except PeerGone as error:
            raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, f"{self.tls.server}: {error}") from error

    def _connect_any(self) -> _socket.socket:
        problem = "no address"
        for family, address in self._resolver.addresses():
            connecting = deadline(CONNECT_TIMEOUT_S, "connect")
            try:
                with connecting:
                    return _connect(family, address)
            except (OSError, DeadlineExceeded) as error:
                if isinstance(error, DeadlineExceeded) and not connecting.is_over:
                    raise  # the time for all addresses is over
                problem = f"{address[0]}: {getattr(error, 'strerror', None) or error}"
        raise PeerGone(problem)

    def _handshake(self, sock: _socket.socket) -> TlsStream:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        stream = TlsStream(sock, incoming, outgoing, self.tls.wrap(incoming, outgoing))
        try:
            stream.handshake()
        except BaseException:  # a deadline comes through here too; the stream is known to nobody else yet
            stream.close(goodbye=False)
            raise
        return stream


def _connect(family: int, address: tuple[object, ...]) -> _socket.socket:
    sock = _socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        tune(sock)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            hub = get_hub()
            with hub.loop.io(sock.fileno(), WRITE) as watcher:
                hub.wait(watcher)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock
