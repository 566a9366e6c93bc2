import socket
import ssl

import gevent
import pytest
from gevent.server import StreamServer

from cgappliance.errors import LoginFailed
from cgappliance.model import HostPort, Reason
from cgappliance.net import dial
from cgappliance.net.dial import RESOLVE_STALE_S, RESOLVE_TTL_S, Dialer, Resolver
from cgappliance.net.tls import UpstreamTls, client_context
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.process import free_port
from cgappliance.testing.observe import Held

GMAIL = HostPort("imap.gmail.com", 993)


class NameServer:
    """Answers, or not, and counts."""

    def __init__(self, *addresses):
        self.addresses, self.down, self.asked = addresses, False, 0

    def getaddrinfo(self, host, port, type):  # noqa: A002 - the standard library's name
        self.asked += 1
        if self.down:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def names(monkeypatch):
    server = NameServer("192.0.2.1", "192.0.2.2")
    monkeypatch.setattr(dial.gevent.socket, "getaddrinfo", server.getaddrinfo)
    return server


@pytest.fixture
def clock():
    return Clock()


# ---- names


def test_addresses_come_in_the_order_of_the_name_server(names):
    assert [address for _family, address in Resolver(GMAIL).addresses()] == [("192.0.2.1", 993), ("192.0.2.2", 993)]


def test_answer_is_kept_for_its_time_and_no_longer(names, clock):
    resolver = Resolver(GMAIL, clock)
    for moment in (0, RESOLVE_TTL_S - 1, 1):
        clock.now += moment
        resolver.addresses()
    assert names.asked == 2


def test_old_answer_does_while_the_name_server_is_down(names, clock):
    resolver = Resolver(GMAIL, clock)
    before = resolver.addresses()
    names.down = True
    clock.now += RESOLVE_STALE_S - 1
    assert resolver.addresses() == before
    clock.now += 1
    with pytest.raises(LoginFailed):
        resolver.addresses()


def test_name_that_was_never_resolved_is_an_outage(names):
    names.down = True
    with pytest.raises(LoginFailed, match=r"imap\.gmail\.com: Temporary failure in name resolution") as failed:
        Resolver(GMAIL).addresses()
    assert failed.value.reason is Reason.UPSTREAM_UNAVAILABLE


# ---- connections


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("dial"))


@pytest.fixture
def serve(authority):
    """Return a function that starts a TLS server and gives its port."""
    started = []

    def start(pair=None, handle=lambda sock, address: sock.recv(1)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = pair or authority.issue()
        context.load_cert_chain(pair.certificate, pair.private_key)

        def greet(sock, address):
            try:
                with context.wrap_socket(sock, server_side=True) as secured:
                    handle(secured, address)
            except OSError:
                pass  # a client that does not like our certificate is what some tests are about

        server = StreamServer(("127.0.0.1", 0), greet)
        server.start()
        started.append(server)
        return server.server_port

    yield start
    for server in started:
        server.stop(timeout=1)


def dialer(authority, port, timeout_s=5.0, host="localhost"):
    return Dialer(UpstreamTls(HostPort(host, port), client_context(authority.ca_file)), timeout_s)


def failure(dialer):
    with pytest.raises(LoginFailed) as failed:
        dialer.connect()
    return failed.value


def test_connection_has_shaken_hands_and_said_nothing(authority, serve):
    said = []
    port = serve(handle=lambda sock, address: said.append(sock.recv(100)))
    stream = dialer(authority, port).connect()
    assert stream.tls.version() == "TLSv1.3"
    stream.close()
    gevent.sleep(0.05)
    assert said == [b""]


def test_next_address_is_tried_when_the_first_one_refuses(authority, serve, monkeypatch):
    port = serve()
    monkeypatch.setattr(dial.gevent.socket, "getaddrinfo", NameServer("127.0.0.2", "127.0.0.1").getaddrinfo)
    stream = dialer(authority, port).connect()
    assert stream.sock.getpeername() == ("127.0.0.1", port)
    stream.close()


def test_server_that_is_down_is_an_outage_with_its_name(authority):
    port = free_port()
    error = failure(dialer(authority, port))
    assert error.reason is Reason.UPSTREAM_UNAVAILABLE
    assert f"localhost:{port}" in error.detail
    assert "Connection refused" in error.detail


def test_server_that_does_not_shake_hands_is_a_time_out(authority):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(dialer(authority, silent.getsockname()[1], timeout_s=0.1))
    assert error.reason is Reason.UPSTREAM_TIMEOUT


def test_address_that_does_not_answer_costs_its_share_of_the_time(authority, serve, monkeypatch):
    monkeypatch.setattr(dial, "CONNECT_TIMEOUT_S", 0.1)
    tried = []

    def connect(family, address):
        tried.append(address[0])
        if address[0] == "127.0.0.2":
            gevent.sleep(10)
        return real(family, address)

    real = dial._connect
    monkeypatch.setattr(dial, "_connect", connect)
    monkeypatch.setattr(dial.gevent.socket, "getaddrinfo", NameServer("127.0.0.2", "127.0.0.1").getaddrinfo)
    dialer(authority, serve()).connect().close()
    assert tried == ["127.0.0.2", "127.0.0.1"]


def test_time_for_all_addresses_is_over_while_one_of_them_is_tried(authority, monkeypatch):
    tried = []

    def connect(_family, address):
        tried.append(address[0])
        gevent.sleep(60)

    monkeypatch.setattr(dial, "_connect", connect)
    monkeypatch.setattr(dial.gevent.socket, "getaddrinfo", NameServer("127.0.0.2", "127.0.0.1").getaddrinfo)
    error = failure(dialer(authority, free_port(), timeout_s=0.1))
    assert error.reason is Reason.UPSTREAM_TIMEOUT
    assert tried == ["127.0.0.2"]


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (lambda authority: authority.wrong_host(), "Hostname mismatch"),
        (lambda authority: authority.expired(), "certificate has expired"),
        (lambda authority: authority.not_yet_valid(), "certificate is not yet valid"),
    ],
)
def test_certificate_that_is_not_the_servers_is_told_apart_from_an_outage(authority, serve, pair, words):
    error = failure(dialer(authority, serve(pair(authority))))
    assert error.reason is Reason.UPSTREAM_TLS
    assert words in error.detail


def test_server_that_speaks_no_tls_is_told_apart_from_an_outage(authority):
    server = StreamServer(("127.0.0.1", 0), lambda sock, address: (sock.sendall(b"* OK ready\r\n"), sock.recv(1)))
    server.start()
    error = failure(dialer(authority, server.server_port))
    server.stop(timeout=1)
    assert error.reason is Reason.UPSTREAM_TLS


def test_failed_connections_leave_no_descriptor(authority, serve):
    port = serve(authority.wrong_host())
    target = dialer(authority, port)
    failure(target)
    before = Held.now().descriptors
    for _ in range(3):
        failure(target)
    gevent.sleep(0.05)
    assert Held.now().descriptors <= before
