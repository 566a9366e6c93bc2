"""A TLS relay in gevent with nothing but its hot path: what is left of the ceiling once sockets, loop and handshakes are real.

    python -m benchmarks.bare_relay --certificate chain.pem --key key.pem --ca ca.pem LISTEN:UPSTREAM...

It logs nobody in, has no limits, no time-outs and no log, and gives up a session on the first error: a yardstick, not a proxy. The
appliance's own relay is ``cgappliance/net/relay.py``; the distance between both is the price of what the product promises.
"""

from __future__ import annotations

import argparse
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer

BATCH = 256 << 10  #: bytes moved at a time; one buffer for the whole process, as callbacks never overlap
NAME = "mail.bench.test"
READ, WRITE = 1, 2
BACKLOG = 1024

_encrypted = memoryview(bytearray(BATCH))
_plain = memoryview(bytearray(BATCH + (64 << 10)))


class End:
    """One TLS connection over memory BIOs."""

    def __init__(self, sock: Any, context: ssl.SSLContext, **how: Any) -> None:
        """Take over a gevent socket; ``how`` goes to ``wrap_bio``."""
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls: Any = context.wrap_bio(self.incoming, self.outgoing, **how)
        self.unsent = b""

    def shake_hands(self) -> None:
        """Shake hands, waiting in the greenlet."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._say()
                data = self.sock.recv(BATCH)
                if not data:
                    raise ConnectionError("closed in the handshake") from None
                self.incoming.write(data)
            else:
                self._say()
                return

    def _say(self) -> None:
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())


class Relay:
    """Two ends, relayed by callbacks of the loop: no greenlet stays behind."""

    def __init__(self, client: End, upstream: End, learn: Callable[[ssl.SSLSession | None], None] | None) -> None:
        """Start to relay. ``learn`` gets the upstream's session once the first bytes have come."""
        self.client, self.upstream, self.learn = client, upstream, learn
        self.ways = [Way(self, upstream, client), Way(self, client, upstream)]
        for way in self.ways:
            way.start()

    def close(self) -> None:
        """End both."""
        for way in self.ways:
            way.stop()
        for end in (self.client, self.upstream):
            end.sock.close()


class Way:
    """One direction of a relay."""

    def __init__(self, relay: Relay, source: End, target: End) -> None:
        """Make the watchers; nothing moves before ``start``."""
        loop = gevent.get_hub().loop
        self.relay, self.source, self.target = relay, source, target
        self.recv_into, self.send = source.sock._sock.recv_into, target.sock._sock.send
        self.reader = loop.io(source.sock.fileno(), READ)
        self.writer = loop.io(target.sock.fileno(), WRITE)

    def start(self) -> None:
        """Relay from now on, what was decrypted with the handshake first."""
        self.reader.start(self.readable)
        if self.source.incoming.pending:
            self.forward()

    def stop(self) -> None:
        """Let go of the loop."""
        for watcher in (self.reader, self.writer):
            watcher.stop()
            watcher.close()

    def readable(self) -> None:
        """Move one batch."""
        try:
            n = self.recv_into(_encrypted)
        except BlockingIOError:
            return
        except OSError:
            n = 0
        if not n:
            self.relay.close()
            return
        self.source.incoming.write(_encrypted[:n])
        self.forward()

    def forward(self) -> None:
        """Decrypt what is there, encrypt it in one piece, and send it."""
        source, held = self.source, 0
        try:
            while source.incoming.pending or source.tls.pending():
                held += source.tls.read(len(_plain) - held, _plain[held:])
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.relay.close()
            return
        if held and source is self.relay.upstream and self.relay.learn:
            self.relay.learn(source.tls.session)  # a copy that costs more than a command's relay: once is enough
            self.relay.learn = None
        if held:
            self.target.tls.write(_plain[:held])
            self.target.unsent = self.target.outgoing.read()
            self.drain()

    def drain(self) -> None:
        """Send what is encrypted; while it does not fit, nothing more is read."""
        try:
            sent = self.send(self.target.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.relay.close()
            return
        if sent == len(self.target.unsent):
            self.target.unsent = b""
            self.writer.stop()
            self.reader.start(self.readable)
            return
        self.target.unsent = self.target.unsent[sent:]
        self.reader.stop()
        self.writer.start(self.drain)


class Server(StreamServer):  # type: ignore[misc]  # gevent has no types
    """Leaves the client's socket to whom it was handed."""

    def do_close(self, *_arguments: Any) -> None:
        """Close nothing: the relay goes on after the greenlet has ended."""


class Service:
    """One listener and its upstream."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext, listen: int, upstream: int) -> None:
        """Start to listen."""
        self.server, self.client, self.upstream = server, client, upstream
        self.session: ssl.SSLSession | None = None
        Server(("127.0.0.1", listen), self.serve, backlog=BACKLOG).start()

    def serve(self, sock: Any, _address: Any) -> None:
        """Bring one client from TCP to the relay."""
        with contextlib.suppress(OSError, ssl.SSLError):
            client = End(sock, self.server, server_side=True)
            client.shake_hands()
            upstream = End(
                socket.create_connection(("127.0.0.1", self.upstream)), self.client, server_hostname=NAME, session=self.session
            )
            upstream.shake_hands()
            Relay(client, upstream, self.learn)

    def learn(self, session: ssl.SSLSession | None) -> None:
        """Remember a session of the upstream for the next handshake."""
        if session is not None and session.has_ticket:
            self.session = session


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("certificate", "key", "ca"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("ports", nargs="+", metavar="LISTEN:UPSTREAM")
    options = parser.parse_args()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(options.certificate, options.key)
    server.num_tickets = 1
    client = ssl.create_default_context(cafile=str(options.ca))
    for pair in options.ports:
        listen, _, upstream = pair.partition(":")
        Service(server, client, int(listen), int(upstream))
    gevent.wait()


if __name__ == "__main__":
    main()
