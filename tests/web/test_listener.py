"""The HTTP server on real sockets: what clients may keep open, how much they may send, how it ends. TLS has a file of its own."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
from structlog.testing import capture_logs

from cgappliance.web import listener, reading
from cgappliance.web.listener import Contexts, Server

from .listening import PATIENCE_S, SOON_S, App, Client, app, connections_closed, head, serve, server, site, trusting

__all__ = ["app", "connections_closed", "serve", "server"]

DELAYED_ACK_S = 0.040  #: Linux


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


# ---- the end


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
        for client in (silent, used):
            client.sock = trusting().wrap_socket(client.sock, server_hostname="site.example")
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
