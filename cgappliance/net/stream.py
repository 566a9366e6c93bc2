"""A TLS connection over memory BIOs that a greenlet can use in blocking style, and that the relay can take over afterwards.

The socket is non-blocking and bare (``_socket``): reads go into one buffer of the whole process, so an idle connection owns no
buffer but OpenSSL's. No switch of greenlets happens between filling that buffer and emptying it; that is what makes sharing safe.
Waits have no time-out of their own: the caller stands inside a ``deadline`` block.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
import ssl
from typing import Any, Final

from gevent import get_hub

from cgappliance.errors import PeerGone
from cgappliance.net import tls as tls_module

READ: Final = 1
WRITE: Final = 2

READ_CHUNK_BYTES: Final = 16_384  #: before login: one TLS record at a time is plenty

_buffer = bytearray(READ_CHUNK_BYTES)
_view = memoryview(_buffer)


class TlsStream:
    """One end: a socket, its watchers, and a TLS object between two memory BIOs. Close it, or hand it to a relay."""

    __slots__ = ("_has_asked", "_writer", "incoming", "outgoing", "reader", "sock", "tls")

    def __init__(self, sock: _socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, tls: ssl.SSLObject) -> None:
        """Take over a connected, non-blocking socket; ``tls`` was made over the two BIOs and has not shaken hands."""
        self.sock = sock
        self.incoming = incoming
        self.outgoing = outgoing
        self.tls = tls
        self._has_asked = False
        self.reader = get_hub().loop.io(sock.fileno(), READ)
        self._writer: Any = None

    @property
    def writer(self) -> Any:
        """The watcher that tells when the socket takes bytes again; most sockets always do, and never get one."""
        if self._writer is None:
            self._writer = get_hub().loop.io(self.sock.fileno(), WRITE)
        return self._writer

    def handshake(self) -> None:
        """Shake hands. Blocks; on failure the alert is sent before the exception is raised.

        A server's tickets stay behind (TLS 1.3): they go along with the first thing that it says.

        Raises:
            TlsFailed: OpenSSL's reason, in words.
            PeerGone: the connection was reset.
        """
        try:
            while True:
                try:
                    self.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self.flush()
                    self.fill()
            if not self.tls.server_side or self.tls.version() != "TLSv1.3":
                self.flush()
        except ssl.SSLError as error:
            with contextlib.suppress(PeerGone):
                self.flush()
            raise tls_module.failure(error) from error

    def recv(self) -> bytes:
        """Return the next decrypted bytes, at most one record; b"" when the peer has closed. Blocks.

        Raises:
            PeerGone: the connection was reset, or what came is not TLS.
        """
        try:
            while True:
                if self.incoming.pending or self.tls.pending() or self.incoming.eof:
                    try:
                        return self.tls.read(READ_CHUNK_BYTES)
                    except ssl.SSLWantReadError:
                        if self.outgoing.pending:
                            self.flush()
                self.fill()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""  # closed without close_notify, as many clients do, or with it after ours
        except ssl.SSLError as error:
            raise PeerGone(f"TLS: {tls_module.failure(error)}") from error

    def sendall(self, data: bytes) -> None:
        """Encrypt and send all of ``data``. Blocks while the peer does not read.

        Raises:
            PeerGone: the connection is closed or reset.
        """
        if not data:
            return
        try:
            self.tls.write(data)
        except ssl.SSLError as error:
            raise PeerGone(f"TLS: {tls_module.failure(error)}") from error
        self.flush()

    def fill(self) -> None:
        """Put what the socket has into the incoming BIO, waiting for it if there is nothing."""
        if self._has_asked:  # the answer needs a round trip: to look for it now would be in vain
            self._has_asked = False
            get_hub().wait(self.reader)
        while True:
            try:
                size = self.sock.recv_into(_view)
                break
            except BlockingIOError:
                get_hub().wait(self.reader)
            except OSError as error:
                raise PeerGone(f"connection lost: {error.strerror or error}") from error
        if size:
            self.incoming.write(_view[:size])
        else:
            self.incoming.write_eof()

    def flush(self) -> None:
        """Send what OpenSSL has written."""
        data = memoryview(self.outgoing.read())
        self._has_asked = bool(data)
        while data:
            try:
                data = data[self.sock.send(data) :]
            except BlockingIOError:
                get_hub().wait(self.writer)
            except OSError as error:
                raise PeerGone(f"connection lost: {error.strerror or error}") from error

    def rest(self) -> None:
        """Have OpenSSL give back its buffer for writing: reading a ticket brings one, which 3.0 keeps until the next write.

        It is two fifths of what a connection takes that waits for its first use. OpenSSL 3.5 keeps none by itself.
        """
        with contextlib.suppress(ssl.SSLError):  # nothing is sent; whoever uses the connection next will meet the error
            self.tls.write(b"")

    def close(self, *, goodbye: bool = True) -> None:
        """Send close_notify if it fits into the socket's buffer, close. Does not block; may be called twice."""
        if self.sock.fileno() < 0:
            return
        if goodbye:
            with contextlib.suppress(ssl.SSLError, ValueError, OSError):
                try:
                    self.tls.unwrap()
                finally:
                    self.sock.send(self.outgoing.read())
        self.release()

    def release(self) -> None:
        """Stop the watchers and close the socket; watchers first, or the loop would watch a number that a new socket may get."""
        for watcher in (self.reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self.sock.close()


def tune(sock: _socket.socket) -> None:
    """Set what every connection of ours wants: non-blocking, no Nagle delay, keep-alive probes for peers that vanish."""
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # a unix socket pair in tests has neither
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)


#: A mail client on a telephone vanishes without a word; NAT boxes forget a silent connection after 5 to 30 minutes.
KEEPALIVE_IDLE_S: Final = 240
KEEPALIVE_INTERVAL_S: Final = 30
KEEPALIVE_PROBES: Final = 4
