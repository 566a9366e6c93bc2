"""The load generator itself: what it counts, and that a wrong byte does not pass."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from benchmarks.harness.loadgen import Load, LoadFailed, Target
from cgappliance.testing.lab.certificates import Authority

SOURCES = Path(__file__).parents[2] / "benchmarks" / "load"
HEADER = Path("/usr/include/openssl/ssl.h")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not (shutil.which("gcc") and shutil.which("make") and HEADER.exists()),
        reason="gcc, make or OpenSSL's headers not installed (apt install gcc make libssl-dev)",
    ),
]


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    subprocess.run(["make", "-s", "-C", str(SOURCES), f"OUT={folder}"], check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def ports(programs):
    process = subprocess.Popen(
        [programs / "upstream", "--cert", *certificate(programs), "imap:plain", "smtp:plain"], stdout=subprocess.PIPE, text=True
    )
    yield json.loads(process.stdout.readline())
    process.kill()
    process.wait(10)
    process.stdout.close()


def certificate(folder):
    pair = Authority(folder).issue("mail.bench.test", file="upstream")
    return str(pair.certificate), "--key", str(pair.private_key)


def run(programs, work, protocol, port, **options):
    target = Target(protocol, port, Path("/dev/null"), users=10)
    with Load(programs / "loadgen", 0, work, target, plain=True, seconds=0.05, warmup=0.0, **options) as load:
        load.ready()
        load.go()
        return load.done()


def test_logins_are_counted_one_by_one(programs, ports):
    assert run(programs, "logins", "imap", ports["imap:plain"], sessions=2, limit=7)["operations"] == 7


def test_whole_messages_are_downloaded(programs, ports):
    figures = run(programs, "download", "imap", ports["imap:plain"], mib=1)

    assert figures["bytes"] == figures["operations"] * ((1 << 20) - (1 << 20) % 80)


def test_uploads_are_confirmed_by_the_upstream(programs, ports):
    assert run(programs, "upload", "smtp", ports["smtp:plain"], mib=1)["operations"] >= 1


def test_noops_have_latencies(programs, ports):
    figures = run(programs, "noop", "imap", ports["imap:plain"])

    assert 0 < figures["p50_us"] <= figures["p99_us"] <= figures["max_us"]


class FlippingRelay(threading.Thread):
    """Passes everything between one client and the upstream, but for one bit of one byte on the way to ``side``."""

    def __init__(self, upstream, side, at):
        super().__init__(daemon=True)
        self.upstream, self.side, self.at = upstream, side, at
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        client, _ = self.listener.accept()
        with client, self.listener, socket.create_connection(("127.0.0.1", self.upstream)) as server:
            back = threading.Thread(target=self.pump, args=(server, client, "client"), daemon=True)
            back.start()
            self.pump(client, server, "server")
            back.join(10)

    def pump(self, source, target, side):
        passed = 0
        # whoever sees the wrong byte goes at once, with a reset: the other side must learn of it too
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(65536)):
                if side == self.side and passed <= self.at < passed + len(data):
                    data[self.at - passed] ^= 1
                passed += len(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("work", "protocol", "side"), [("download", "imap", "client"), ("upload", "smtp", "server")])
def test_one_wrong_bit_in_a_message_is_found(programs, ports, work, protocol, side):
    relay = FlippingRelay(ports[f"{protocol}:plain"], side, at=500_000)
    relay.start()

    with pytest.raises(LoadFailed, match=r"differs|closed by the peer"):
        run(programs, work, protocol, relay.port, mib=1)
    relay.join(10)
