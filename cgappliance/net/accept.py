"""From an accepted socket to a client that speaks TLS: PROXY header if the listener expects one, ALPN check, handshake."""

from __future__ import annotations

import _socket
import contextlib
import ssl
from collections.abc import Callable
from typing import TypeVar

from gevent import get_hub

from cgappliance.errors import PeerGone, TlsFailed
from cgappliance.model import Peer
from cgappliance.net import clienthello, proxy_header
from cgappliance.net.stream import READ, READ_CHUNK_BYTES, TlsStream

Found = TypeVar("Found")


def read_proxy_header(sock: _socket.socket, direct: Peer) -> tuple[Peer, bytes]:
    """Return who the client is and the bytes that already followed the header. Blocks.

    Raises:
        PeerGone: no valid header came.
    """
    raw = _RawReader(sock)
    try:
        header = raw.until(proxy_header.parse)
    except proxy_header.BadHeader as error:
        raise PeerGone(str(error)) from error
    return header.peer or direct, bytes(raw.data[header.size :])


def accept_tls(sock: _socket.socket, context: ssl.SSLContext, alpn: bytes, early: bytes = b"") -> TlsStream:
    """Return the client's stream after its handshake; ``early`` is what was read of it before. Blocks.

    The caller closes ``sock`` when this raises.

    Raises:
        TlsFailed: the handshake failed, or the client offers only other protocols than ``alpn``.
        PeerGone: the connection was lost.
    """
    raw = _RawReader(sock, early)
    offered = raw.until(_hello_or_none)
    if isinstance(offered, tuple) and alpn not in offered:
        with contextlib.suppress(OSError):
            sock.send(clienthello.NO_APPLICATION_PROTOCOL_ALERT)
        raise TlsFailed(f"client offers ALPN {b', '.join(offered).decode(errors='replace')!r}, not {alpn.decode()!r}")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = TlsStream(sock, incoming, outgoing, context.wrap_bio(incoming, outgoing, server_side=True))
    incoming.write(raw.data)
    try:
        stream.handshake()
    except BaseException:  # a deadline is raised through here too: whatever it is, nobody else knows the stream yet
        stream.close(goodbye=False)
        raise
    return stream


def _hello_or_none(data: bytes) -> tuple[bytes, ...] | clienthello.Hello | None:
    found = clienthello.offered_alpn(data)
    return None if found is clienthello.Hello.INCOMPLETE else found


class _RawReader:
    """Reads plain bytes until a parser is satisfied; bounded, as both parsers give up on more than a few KiB."""

    def __init__(self, sock: _socket.socket, early: bytes = b"") -> None:
        self.data = bytearray(early)
        self._sock = sock

    def until(self, parse: Callable[[bytes], Found | None]) -> Found:
        """Return what ``parse`` finds in the bytes so far, reading more while it returns None."""
        while (found := parse(bytes(self.data))) is None:
            self.data += self._read()
        return found

    def _read(self) -> bytes:
        while True:
            try:
                data = self._sock.recv(READ_CHUNK_BYTES)
            except BlockingIOError:
                self._wait()
            except OSError as error:
                raise PeerGone(f"connection lost: {error.strerror or error}") from error
            else:
                if not data:
                    raise PeerGone("closed before the TLS handshake")
                return data

    def _wait(self) -> None:
        hub = get_hub()
        with hub.loop.io(self._sock.fileno(), READ) as watcher:
            hub.wait(watcher)
