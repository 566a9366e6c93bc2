"""The HTTP server on real sockets, before an application that holds answers back, and clients whose bytes a test writes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import gevent
import gevent.socket
import gevent.ssl
import pytest
from gevent.event import Event

from cgappliance.config.values import WebSettings
from cgappliance.web.listener import Contexts, Server
from tests.config.kit import authority, write_pair

PATIENCE_S = 5.0
SOON_S = 0.1  #: a deadline that is to be met while a test looks on
WEB = WebSettings(("127.0.0.1",), 8443, True, None, None, (), 1800.0, 36_000.0)

Environ = dict[str, Any]


class App:
    """Answers with what it was sent; holds answers back when told to."""

    def __init__(self) -> None:
        self.requests: list[Environ] = []
        self.asked, self.go_on = Event(), Event()
        self.go_on.set()
        self.reads = True
        self.failed: list[str] = []

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        self.requests.append(environ)
        self.asked.set()
        self.go_on.wait(PATIENCE_S)
        try:
            body = environ["wsgi.input"].read() if self.reads else b"not read"
        except OSError as error:
            self.failed.append(str(error))
            body = b"failed"
        start("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Client:
    """A connection whose bytes the test writes."""

    opened: ClassVar[list[Client]] = []

    def __init__(self, server: Server, source: str = "127.0.0.1") -> None:
        address = ("127.0.0.1", server.server_port)
        self.sock = gevent.socket.create_connection(address, timeout=PATIENCE_S, source_address=(source, 0))
        self.opened.append(self)

    def send(self, data: bytes) -> Client:
        self.sock.sendall(data)
        return self

    def rest(self) -> bytes:
        """Return what comes until the server closes."""
        got = b""
        try:
            while data := self.sock.recv(65_536):
                got += data
        except ConnectionResetError:
            pass
        return got

    def until(self, wanted: bytes) -> bytes:
        got = b""
        while wanted not in got:
            data = self.sock.recv(65_536)
            assert data, f"closed after {got!r}"
            got += data
        return got


@pytest.fixture(autouse=True)
def connections_closed() -> Iterator[None]:
    yield
    while Client.opened:
        Client.opened.pop().sock.close()


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def serve(app: App) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(contexts: Contexts | None = None, **options: Any) -> Server:
        sock = gevent.socket.create_server(("127.0.0.1", 0))
        server = Server(sock, app, contexts, **options)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop(0)


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def head(*lines: str, first: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([first, "Host: x", *lines, "", ""]).encode()


def site(folder: Path) -> WebSettings:
    certificate, key = write_pair(folder, "site.example", stem="site")
    return replace(WEB, certificate=certificate, private_key=key)


def trusting() -> ssl.SSLContext:
    """Return how a client shakes hands who trusts the certificates of the tests."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context
