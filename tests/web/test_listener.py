"""The HTTP server on real sockets: what clients may keep open, how much they may send, which certificate they see, how it ends."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import gevent
import gevent.socket
import gevent.ssl
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from cgappliance.config.values import WebSettings
from cgappliance.model import Tenant
from cgappliance.web import listener, reading
from cgappliance.web.listener import Contexts, Server
from tests.config.kit import authority, write_pair
from tests.policy.factories import tenant

PATIENCE_S = 5.0
SOON_S = 0.1  #: a deadline that is to be met while a test looks on
DELAYED_ACK_S = 0.040  #: Linux
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


# ---- slow clients


def test_who_says_nothing_is_sent_away(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_HEAD_S", SOON_S)
    assert Client(server).rest() == b""
    assert Client(server).send(b"GET / HT").rest() == b""
    assert app.requests == []


def test_headers_one_byte_at_a_time_do_not_hold_a_connection(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_HEAD_S", SOON_S)
    client = Client(server).send(b"GET / HTTP/1.1\r\nX: ")
    trickle = gevent.spawn(_trickle, client)
    assert client.rest().startswith(b"HTTP/1.1 400")
    trickle.kill()
    assert app.requests == []


def test_a_body_one_byte_at_a_time_does_not_hold_a_connection(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BODY_S", SOON_S)
    client = Client(server).send(head("Content-Length: 1000000"))
    trickle = gevent.spawn(_trickle, client)
    assert client.rest().endswith(b"failed")
    trickle.kill()
    assert app.failed == ["the body came too slowly"]


def _trickle(client: Client) -> None:
    try:
        while True:
            client.send(b"x")
            gevent.sleep(SOON_S / 10)  # the pace is what is tested
    except OSError:
        pass


def test_a_body_that_stops_coming_ends_in_silence(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SILENCE_S", SOON_S)
    assert Client(server).send(head("Content-Length: 9") + b"half").rest().endswith(b"failed")
    assert app.failed == ["timed out"]


def test_a_handshake_that_does_not_come_is_given_up(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_S", SOON_S)
    server = serve(Contexts(site(tmp_path), {}))
    assert Client(server).rest() == b""
    assert Client(server).send(b"GET / HTTP/1.1\r\n\r\n").rest() == b""  # no handshake at all


def test_one_address_does_not_take_all_places(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_PER_ADDRESS_MAX", 2)
    with capture_logs() as logs:
        held = [Client(server).send(b"G") for _ in range(2)]
        assert [Client(server).rest() for _ in range(3)] == [b""] * 3
        assert Client(server, "127.0.0.2").send(head("Connection: close")).rest().startswith(b"HTTP/1.1 200")
        held[0].send(b"ET / HTTP/1.0\r\n\r\n").rest()
        assert Client(server).send(head("Connection: close")).rest().startswith(b"HTTP/1.1 200")
    crowded = {"event": "web.crowded", "log_level": "warning", "peer": "127.0.0.1", "connections": 2}
    assert [log for log in logs if log["event"] == "web.crowded"][:1] == [crowded]


def test_a_declared_proxy_brings_as_many_as_it_has(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_PER_ADDRESS_MAX", 1)
    server = serve(proxies=(ipaddress.ip_network("127.0.0.1/32"),))
    held = Client(server).send(b"G")
    assert Client(server).send(head("Connection: close")).rest().startswith(b"HTTP/1.1 200")
    held.sock.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.5", "::ffff:203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_a_customer_is_an_ipv4_address_or_an_ipv6_64(one: str, other: str, same: bool) -> None:
    assert (listener._customer(one) == listener._customer(other)) is same


def test_answers_on_one_connection_do_not_wait_for_acknowledgements(server: Server) -> None:
    client, started = Client(server), time.monotonic()
    for _ in range(20):
        client.send(head("Content-Length: 4") + b"body").until(b"\r\n\r\nbody")
    assert time.monotonic() - started < 20 * DELAYED_ACK_S / 2


# ---- large requests


def test_a_first_line_that_is_too_long_is_refused(server: Server, app: App) -> None:
    assert b" 414 " in Client(server).send(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n").rest().partition(b"\r\n")[0]
    assert app.requests == []


@pytest.mark.parametrize(
    "lines",
    [[f"X-{number}: {'x' * 1000}" for number in range(40)], ["X: " + "x" * 40_000], [f"X-{number}: x" for number in range(150)]],
    ids=["together", "one", "many"],
)
def test_headers_that_are_too_long_are_refused(
    server: Server, app: App, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert Client(server).send(head(*lines)).rest().startswith(b"HTTP/1.1 400")
    assert app.requests == []
    assert capsys.readouterr().err == ""  # a stranger writes no traceback


@pytest.mark.parametrize("length", ["-1", "x", "1e3"])
def test_a_length_that_is_none_is_refused(server: Server, length: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert Client(server).send(head(f"Content-Length: {length}")).rest().startswith(b"HTTP/1.1 400")
    assert capsys.readouterr().err == ""


def test_an_unwanted_body_is_read_so_that_the_next_request_is_understood(server: Server, app: App) -> None:
    app.reads = False
    client = Client(server).send(head("Content-Length: 5") + b"GET /" + head("Connection: close", first="GET /second HTTP/1.1"))
    client.rest()
    assert [request["PATH_INFO"] for request in app.requests] == ["/", "/second"]


def test_an_unwanted_body_is_not_read_for_ever(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REQUEST_MAX_BYTES", 1000)
    app.reads = False
    client = Client(server).send(head("Content-Length: 1000000000") + b"x" * 2000)
    assert client.rest().endswith(b"not read")


def test_a_chunked_body_without_end_is_cut_off(server: Server, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "REQUEST_MAX_BYTES", 1000)
    app.reads = False
    client = Client(server).send(head("Transfer-Encoding: chunked") + b"200\r\n" + b"x" * 512 + b"\r\n" + b"7d0\r\n" + b"x" * 2000)
    assert client.rest().endswith(b"not read")


def test_who_waits_for_leave_to_send_what_is_not_wanted_is_not_waited_for(server: Server, app: App) -> None:
    app.reads = False
    assert Client(server).send(head("Content-Length: 5", "Expect: 100-continue")).rest().endswith(b"not read")


def test_an_upgrade_that_nobody_offers_gives_no_way_round_the_limits(server: Server, app: App) -> None:
    client = Client(server).send(head("Connection: upgrade", "Upgrade: websocket") + b"bytes without an end")
    assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert app.requests[0]["wsgi.input_terminated"]


def test_a_client_that_leaves_writes_no_traceback(server: Server, app: App, capsys: pytest.CaptureFixture[str]) -> None:
    Client(server).send(b"GET / HTTP/1.1\r\nHost:").sock.close()
    Client(server).send(head("Content-Length: 9") + b"ha").sock.close()
    Client(server).send(b"nonsense\r\n\r\n").sock.close()
    assert Client(server).send(head("Connection: close")).rest().startswith(b"HTTP/1.1 200")
    assert capsys.readouterr().err == ""


# ---- certificates


def site(folder: Path) -> WebSettings:
    certificate, key = write_pair(folder, "site.example", stem="site")
    return replace(WEB, certificate=certificate, private_key=key)


def tenant_at(folder: Path, hostname: str, *names: str) -> Tenant:
    certificate, key = write_pair(folder, *(names or (hostname,)), stem=hostname)
    made = tenant(id=hostname.partition(".")[0])
    return replace(made, listen=replace(made.listen, hostname=hostname, certificate=certificate, private_key=key))


def names_seen(server: Server, asked: str | None) -> set[str]:
    """Return the names of the certificate that a client sees who asks for a name."""
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    authority().configure_trust(context)
    with context.wrap_socket(Client(server).sock, server_hostname=asked) as secure:
        found = secure.getpeercert()
    return {name for _kind, name in found["subjectAltName"]}


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("acme.example", "acme.example"),
        ("ACME.example", "acme.example"),
        ("autoconfig.other.example", "site.example"),
        (None, "site.example"),
    ],
)
def test_the_certificate_is_that_of_the_host_name(
    serve: Callable[..., Server], tmp_path: Path, asked: str | None, seen: str
) -> None:
    server = serve(Contexts(site(tmp_path), {"acme": tenant_at(tmp_path, "acme.example")}))
    assert names_seen(server, asked) == {seen}


def test_without_a_certificate_of_the_site_other_names_are_unknown(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(Contexts(WEB, {"acme": tenant_at(tmp_path, "acme.example")}))
    assert names_seen(server, "acme.example") == {"acme.example"}
    for other in ("other.example", None):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            names_seen(server, other)


def test_a_reload_brings_new_names_and_takes_old_ones_away(serve: Callable[..., Server], tmp_path: Path) -> None:
    contexts = Contexts(site(tmp_path), {"acme": tenant_at(tmp_path, "acme.example")})
    server = serve(contexts)
    contexts.apply({"beta": tenant_at(tmp_path, "beta.example")})
    assert names_seen(server, "beta.example") == {"beta.example"}
    assert names_seen(server, "acme.example") == {"site.example"}


def test_a_certificate_that_cannot_be_read_leaves_the_others_alone(serve: Callable[..., Server], tmp_path: Path) -> None:
    broken = tenant_at(tmp_path, "broken.example")
    assert broken.listen.certificate is not None
    broken.listen.certificate.write_text("no certificate")
    with capture_logs() as logs:
        server = serve(Contexts(site(tmp_path), {"broken": broken, "acme": tenant_at(tmp_path, "acme.example")}))
    assert [(log["event"], log["file"]) for log in logs] == [("web.certificate", str(broken.listen.certificate))]
    assert names_seen(server, "acme.example") == {"acme.example"}
    assert names_seen(server, "broken.example") == {"site.example"}


def test_old_tls_is_refused(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(Contexts(site(tmp_path), {}))
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(Client(server).sock)


# ---- schemes and the end


def test_the_scheme_is_that_of_the_listener(serve: Callable[..., Server], app: App, tmp_path: Path) -> None:
    Client(serve()).send(head("Connection: close")).rest()
    secure = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(secure)
    with secure.wrap_socket(Client(serve(Contexts(site(tmp_path), {}))).sock, server_hostname="site.example") as client:
        client.sendall(head("Connection: close"))
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert [request["wsgi.url_scheme"] for request in app.requests] == ["http", "https"]


def test_a_request_under_way_is_answered_before_the_end(server: Server, app: App) -> None:
    app.go_on.clear()
    client = Client(server).send(head("Content-Length: 4") + b"body")
    assert app.asked.wait(PATIENCE_S)
    stopping = gevent.spawn(server.stop, PATIENCE_S)
    gevent.idle()  # it has closed its listener
    with pytest.raises(OSError, match="refused"):
        Client(server)
    app.go_on.set()
    assert client.rest().startswith(b"HTTP/1.1 200")
    stopping.get(timeout=PATIENCE_S)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_who_has_no_request_under_way_does_not_delay_the_end(
    serve: Callable[..., Server], app: App, tmp_path: Path, secure: bool
) -> None:
    server = serve(Contexts(site(tmp_path), {}) if secure else None)
    silent, used = Client(server), Client(server)
    if secure:
        context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority().configure_trust(context)
        for client in (silent, used):
            client.sock = context.wrap_socket(client.sock, server_hostname="site.example")
            Client.opened.append(client)
    used.send(head("Content-Length: 4") + b"body").until(b"\r\n\r\nbody")
    started = time.monotonic()
    server.stop(PATIENCE_S)
    assert time.monotonic() - started < PATIENCE_S / 5
    assert (silent.rest(), used.rest()) == (b"", b"")


def test_a_request_that_does_not_end_is_cut_off_at_the_end(server: Server, app: App) -> None:
    app.go_on.clear()
    client = Client(server).send(head())
    assert app.asked.wait(PATIENCE_S)
    with gevent.Timeout(PATIENCE_S):
        server.stop(SOON_S)
    assert client.rest().startswith(b"HTTP/1.1 500")
