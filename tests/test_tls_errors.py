"""One connection is reset, and another one must not notice."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

import gevent.socket
import gevent.ssl
import pytest
import trustme

from cgappliance import tls_errors
from cgappliance.tls_errors import TidySSLSocket

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Ends:
    """A TLS server in a thread, whose side of the last connection can be reset."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server, self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.issue_cert("localhost").configure_cert(self.server)
        authority.configure_trust(self.client)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def reset_one(self) -> TidySSLSocket:
        """Return the client's side of a connection that the server has reset."""
        theirs: list[ssl.SSLSocket] = []
        accepting = threading.Thread(
            target=lambda: theirs.append(self.server.wrap_socket(self.listener.accept()[0], server_side=True))
        )
        accepting.start()
        plain = gevent.socket.create_connection(self.listener.getsockname())
        ours = TidySSLSocket(sock=plain, _context=self.client, server_hostname="localhost")
        accepting.join(5)
        theirs[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        theirs[0].close()
        return ours


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.listener.close()


class Healthy:
    """A connection between two buffers, whose client waits for the server's next word."""

    def __init__(self, ends: Ends) -> None:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = ends.client.wrap_bio(to_client, to_server, server_hostname="localhost")
        self._server = ends.server.wrap_bio(to_server, to_client, server_side=True)
        for side in (self._client, self._server, self._client, self._server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        assert self._client.version() == self._server.version() == "TLSv1.3"
        assert self.waits_for_bytes()  # with the server's tickets read, which empties the queue as well

    def waits_for_bytes(self) -> bool:
        try:
            self._client.read(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False


@pytest.mark.parametrize(
    "use",
    [
        lambda sock: sock.send(b"x"),
        lambda sock: sock.write(b"x"),
        lambda sock: sock.sendall(b"x"),
        lambda sock: sock.recv(10),
        lambda sock: sock.recv_into(bytearray(10)),
        lambda sock: sock.unwrap(),
    ],
    ids=["send", "write", "sendall", "recv", "recv_into", "unwrap"],
)
def test_a_reset_is_the_failure_of_its_own_connection_only(ends: Ends, use: Callable[[TidySSLSocket], object]) -> None:
    ours, healthy = ends.reset_one(), Healthy(ends)
    for _ in range(2):  # the first may still find room in the socket's buffer
        with contextlib.suppress(OSError):
            use(ours)
    assert healthy.waits_for_bytes()
    ours.close()


def test_what_is_left_in_the_queue_is_forgotten() -> None:
    openssl = tls_errors._openssl
    openssl.ERR_new()
    openssl.ERR_set_error(2, 104, None)  # of the system: reset by peer
    assert openssl.ERR_peek_error() != 0
    tls_errors.forget()
    assert openssl.ERR_peek_error() == 0


def test_every_context_makes_such_sockets_once_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gevent.ssl.SSLContext, "sslsocket_class", gevent.ssl.SSLSocket)
    tls_errors.install()
    ours, theirs = gevent.socket.socketpair()
    secure = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
    assert isinstance(secure, TidySSLSocket)
    secure.close()
    theirs.close()
