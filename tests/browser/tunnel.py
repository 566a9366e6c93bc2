"""The world's names on this machine: an HTTP proxy that takes the hosts of one mail domain to loopback, and nobody else anywhere.

A program that is told to use it needs no DNS and no port below 1024: ``https://autoconfig.acme.example/`` arrives at the web site's
own port. What it asked for is kept, so that a test can say that it asked for nothing else.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from types import TracebackType
from typing import Final, Self

HEAD_MAX_BYTES: Final = 16 * 1024
IDLE_S: Final = 60.0
HTTPS: Final = 443


class _Connection(socketserver.BaseRequestHandler):
    server: Tunnel

    def handle(self) -> None:
        self.request.settimeout(IDLE_S)
        with contextlib.suppress(OSError):
            head = self._head()
            method, _, rest = head.partition(b" ")
            target = rest.partition(b" ")[0].decode("ascii", "replace")
            self.server.asked.append(f"{method.decode('ascii', 'replace')} {target}")
            place = self.server.place_of(target) if method == b"CONNECT" else None
            if place is None:
                self.request.sendall(b"HTTP/1.1 502 Not here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection(place, timeout=IDLE_S) as behind:
                self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                self._carry(behind)

    def _head(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.request.recv(1)  # not a byte of what comes behind the head
            if not data or len(head) > HEAD_MAX_BYTES:
                raise ConnectionError("no request")
            head += data
        return head

    def _carry(self, behind: socket.socket) -> None:
        other_way = threading.Thread(target=_pump, args=(behind, self.request), daemon=True)
        other_way.start()
        _pump(self.request, behind)
        other_way.join(IDLE_S)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Tunnel(socketserver.ThreadingTCPServer):
    """``with Tunnel("acme.example", web_port) as tunnel:`` listens on ``tunnel.port``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 50

    def __init__(self, domain: str, web_port: int) -> None:
        """Listen. ``domain`` and all below it are on this machine, with HTTPS at ``web_port``."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.domain, self.web_port = domain, web_port
        self.asked: list[str] = []  #: the first line of each request, without its version
        self.port = int(self.server_address[1])

    def place_of(self, target: str) -> tuple[str, int] | None:
        """Return where a host and port are; None: nowhere."""
        host, _, port = target.rpartition(":")
        if host != self.domain and not host.endswith(f".{self.domain}"):
            return None
        return "127.0.0.1", self.web_port if int(port) == HTTPS else int(port)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()
        self.server_close()
