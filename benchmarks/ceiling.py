"""How fast a relay in Python could be at most on this core: its cryptography and its system calls alone, with nothing around them.

    python -m benchmarks.ceiling --certificate chain.pem --key key.pem --ca ca.pem

prints one line of JSON, GB per CPU second: ``tls_<chunk>`` decrypts and encrypts again between two memory BIOs, ``socket_<chunk>``
receives and sends without TLS, ``relay`` is both together: the ceiling. ``*_handshake_us`` are handshakes in memory.
Whoever calls it pins it to a core.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TLS_CHUNKS = (1 << 10, 4 << 10, 16 << 10, 256 << 10)
SOCKET_CHUNKS = (16 << 10, 64 << 10, 256 << 10)
BLOCK_BYTES = 4 << 20  #: encrypted beforehand, then decrypted and encrypted again in one timed stretch
BLOCKS = 8
SOCKET_BYTES = 256 << 20
HANDSHAKES = 60
NAME = "mail.bench.test"


@dataclass(frozen=True, slots=True)
class Contexts:
    """A server's and a client's TLS context that trust each other."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def load(cls, certificate: Path, key: Path, ca: Path) -> Contexts:
        """Return contexts for TLS 1.3 with verification, as the appliance has them."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        client = ssl.create_default_context(cafile=str(ca))
        for context in (server, client):
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        return cls(server, client)


class Pair:
    """A client and a server that talk TLS through memory."""

    def __init__(self, contexts: Contexts, session: ssl.SSLSession | None = None) -> None:
        """Make both ends; nothing is said before ``shake_hands``."""
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client: Any = contexts.client.wrap_bio(self.to_client, self.to_server, server_hostname=NAME, session=session)
        self.server: Any = contexts.server.wrap_bio(self.to_server, self.to_client, server_side=True)

    def shake_hands(self) -> tuple[float, float]:
        """Shake hands and read the tickets; returns the CPU seconds of server and client."""
        spent = {"server": 0.0, "client": 0.0}
        waiting = ["client", "server"]
        while waiting:
            for side in tuple(waiting):
                end = self.client if side == "client" else self.server
                started = time.thread_time()
                try:
                    end.do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
                spent[side] += time.thread_time() - started
        self.server.write(b"ticket")
        self.client.read(6)
        return spent["server"], spent["client"]


def tls_gb_per_cpu_s(contexts: Contexts, chunk: int) -> float:
    """Return how fast chunks are decrypted from one TLS session and encrypted into another."""
    source, target = Pair(contexts), Pair(contexts)
    source.shake_hands()
    target.shake_hands()
    plain, view = bytes(chunk), memoryview(bytearray(chunk))
    count, spent = BLOCK_BYTES // chunk, 0.0
    for _ in range(BLOCKS):
        encrypted = []
        for _ in range(count):
            source.client.write(plain)
            encrypted.append(source.to_server.read())
        started = time.thread_time()
        for piece in encrypted:
            source.to_server.write(piece)
            held = 0
            while held < chunk:
                held += source.server.read(chunk - held, view[held:])
            target.client.write(view)
            target.to_server.read()
        spent += time.thread_time() - started
        # what was encrypted is not read by anybody: a relay's other end does that
    return BLOCK_BYTES * BLOCKS / spent / 1e9


def _pour(port: int, count: int) -> None:
    """Send ``count`` bytes and read them back, in a process of its own."""
    block = bytes(256 << 10)
    with socket.create_connection(("127.0.0.1", port)) as out, socket.create_connection(("127.0.0.1", port)) as back:
        if os.fork() == 0:
            sent = 0
            while sent < count:
                sent += out.send(block[: count - sent])
            os._exit(0)
        got = 0
        buffer = bytearray(256 << 10)
        while got < count:
            got += back.recv_into(buffer)
        os.wait()


def socket_gb_per_cpu_s(chunk: int) -> float:
    """Return how fast bytes go from one TCP socket to another without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = os.fork()
        if child == 0:
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0) or {0})
            _pour(server.getsockname()[1], SOCKET_BYTES)
            os._exit(0)
        source, _ = server.accept()
        target, _ = server.accept()
    with source, target:
        buffer = bytearray(chunk)
        view, moved, started = memoryview(buffer), 0, time.process_time()
        while moved < SOCKET_BYTES:
            n = source.recv_into(buffer)
            target.sendall(view[:n])
            moved += n
        spent = time.process_time() - started
    os.waitpid(child, 0)
    return SOCKET_BYTES / spent / 1e9


def handshakes_us(contexts: Contexts) -> dict[str, float]:
    """Return CPU microseconds of handshakes, full and resumed, of the server and the client side."""
    first = Pair(contexts)
    first.shake_hands()
    session = first.client.session
    costs: dict[str, float] = {}
    kinds: dict[str, Callable[[], Pair]] = {"full": lambda: Pair(contexts), "resumed": lambda: Pair(contexts, session)}
    for kind, make in kinds.items():
        server, client = zip(*(make().shake_hands() for _ in range(HANDSHAKES)), strict=True)
        costs[f"server_{kind}_handshake_us"] = 1e6 * sorted(server)[HANDSHAKES // 2]
        costs[f"client_{kind}_handshake_us"] = 1e6 * sorted(client)[HANDSHAKES // 2]
    return costs


def measure(contexts: Contexts) -> dict[str, float]:
    """Return all figures."""
    tls = {f"tls_{chunk >> 10}k_gb_per_cpu_s": tls_gb_per_cpu_s(contexts, chunk) for chunk in TLS_CHUNKS}
    sockets = {f"socket_{chunk >> 10}k_gb_per_cpu_s": socket_gb_per_cpu_s(chunk) for chunk in SOCKET_CHUNKS}
    relay = 1 / (1 / max(tls.values()) + 1 / max(sockets.values()))
    return {**tls, **sockets, "relay_gb_per_cpu_s": relay, **handshakes_us(contexts)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("certificate", "key", "ca"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(measure(Contexts.load(options.certificate, options.key, options.ca))))


if __name__ == "__main__":
    main()
