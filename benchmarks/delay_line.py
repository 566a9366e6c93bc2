"""A line with delay, in user space: forwards TCP connections and holds every byte for half a round trip.

    python -m benchmarks.delay_line --round-trip-ms 50 LISTEN:TARGET...

The kernel's own way (netem) needs a module that many machines lack. A connection costs its round trip too: what a client sends
first reaches the other side a whole round trip later than later bytes would, as if it had waited for the answer to its SYN.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import time
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

CHUNK_BYTES = 64 << 10
HELD_CHUNKS = 256  #: bytes under way in one direction are bounded: 16 MiB, far above what a login sends
BACKLOG = 1024


class Way:
    """One direction of a connection: what was read is written when it is due."""

    def __init__(self, source: Any, target: Any, delay_s: float, opens_at: float) -> None:
        """``opens_at``: when the connection counts as made; nothing starts to travel before."""
        self.source, self.target, self.delay_s, self.opens_at = source, target, delay_s, opens_at
        self.held: collections.deque[tuple[float, bytes]] = collections.deque()
        self.changed, self.room = Event(), Event()
        self.room.set()

    def read(self) -> None:
        """Take what the source sends; an empty chunk is its end."""
        data = b"-"
        while data:
            self.room.wait()
            try:
                data = self.source.recv(CHUNK_BYTES)
            except OSError:
                data = b""
            self.held.append((max(time.monotonic(), self.opens_at) + self.delay_s, data))
            self.changed.set()
            if len(self.held) >= HELD_CHUNKS:
                self.room.clear()

    def write(self) -> None:
        """Give the target what is due, until the source's end."""
        while True:
            while not self.held:
                self.changed.clear()
                self.changed.wait()
            due, data = self.held.popleft()
            self.room.set()
            gevent.sleep(max(0.0, due - time.monotonic()))
            if not data:
                with contextlib.suppress(OSError):
                    self.target.shutdown(socket.SHUT_WR)
                return
            self.target.sendall(data)


class Line:
    """One listener and where it leads."""

    def __init__(self, listen: int, target: int, delay_s: float) -> None:
        """Start to listen; ``delay_s`` is one way."""
        self.target, self.delay_s = target, delay_s
        StreamServer(("127.0.0.1", listen), self.carry, backlog=BACKLOG).start()

    def carry(self, client: Any, _address: Any) -> None:
        """Forward one connection to its end."""
        opens_at = time.monotonic() + 2 * self.delay_s
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = [Way(client, server, self.delay_s, opens_at), Way(server, client, self.delay_s, opens_at)]
            work = [gevent.spawn(part) for way in ways for part in (way.read, way.write)]
            gevent.joinall(work)


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--round-trip-ms", type=float, required=True)
    parser.add_argument("ports", nargs="+", metavar="LISTEN:TARGET")
    options = parser.parse_args()
    for pair in options.ports:
        listen, _, target = pair.partition(":")
        Line(int(listen), int(target), options.round_trip_ms / 2e3)
    gevent.wait()


if __name__ == "__main__":
    main()
