import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port, port_open

ROOT = Path(__file__).parents[2]
ROUND_TRIP_S = 0.04

pytestmark = pytest.mark.integration


@pytest.fixture
def far_end():
    """Echoes, one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                while data := sock.recv(1000):
                    sock.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


@pytest.fixture
def line(far_end, tmp_path):
    near = free_port()
    command = [sys.executable, "-m", "benchmarks.delay_line", "--round-trip-ms", str(ROUND_TRIP_S * 1e3), f"{near}:{far_end}"]
    with ServerProcess(
        command,
        log=tmp_path / "log",
        ready=lambda: port_open("127.0.0.1", near),
        environment=clean_environment(PYTHONPATH=str(ROOT)),
    ):
        yield near


def echoed_s(sock, data):
    started = time.monotonic()
    sock.sendall(data)
    assert sock.recv(1000) == data
    return time.monotonic() - started


def test_the_first_exchange_pays_for_the_connection_and_the_others_one_round_trip(line):
    with socket.create_connection(("127.0.0.1", line)) as sock:
        first, second = echoed_s(sock, b"first"), echoed_s(sock, b"second")

    assert first >= 2 * ROUND_TRIP_S * 0.95
    assert ROUND_TRIP_S <= second < first


def test_the_end_of_one_direction_reaches_the_other_side(line):
    with socket.create_connection(("127.0.0.1", line)) as sock:
        sock.settimeout(10)
        sock.sendall(b"last")
        sock.shutdown(socket.SHUT_WR)

        assert b"".join(iter(lambda: sock.recv(1000), b"")) == b"last"


def test_usage_names_the_missing_option():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.delay_line", "1:2"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )

    assert "--round-trip-ms" in done.stderr
