"""One request, one bounded answer. What the token endpoint does with it stands in test_endpoint.py."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cgappliance_google.transport import RETRY_CLOSED, RETRY_NOTHING, Answer, Transport, Unanswered, bounded, problem_of_url

from .test_endpoint import answering, http


@pytest.fixture
def transport():
    transport = Transport(None, connections=1, limit_bytes=100, retry=RETRY_NOTHING)
    yield transport
    transport.close()


def url_in(key_text: str) -> str:
    return key_text.partition('"token_uri": "')[2].partition('"')[0]


def send(transport: Transport, rsa_text: str, answer: bytes, timeout_s: float = 5.0) -> Answer:
    with answering(rsa_text, answer) as text:
        return transport.send("POST", url_in(text), timeout_s=timeout_s)


def test_answer_has_status_content_and_the_servers_clock(transport, rsa_text: str):
    answer = send(transport, rsa_text, http(b'{"a": 1}', "201 Created", "Date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"))

    assert (answer.status, answer.content, answer.date) == (201, {"a": 1}, 1_795_489_200.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff"])
def test_body_that_is_no_object_is_empty_content(transport, rsa_text: str, body: bytes):
    assert send(transport, rsa_text, http(body)).content == {}


@pytest.mark.parametrize("date", ["yesterday", "Tue, 99 Nov 2026 03:00:00 GMT"])
def test_date_that_is_none_is_not_known(transport, rsa_text: str, date: str):
    assert send(transport, rsa_text, http(b"{}", head=f"Date: {date}\r\n")).date is None


class KeepAlive(ThreadingHTTPServer):
    """Answers with a cookie and keeps connections open; knows who came over which, and when one has ended."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), KeepAliveHandler)
        self.requests: list[tuple[Any, str | None]] = []  #: the client's end of the connection, and the cookie it brought
        self.ended = threading.Event()
        self.together = threading.Barrier(1)  #: so many requests are answered at the same time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token"


class KeepAliveHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KeepAlive

    def do_GET(self) -> None:
        self.server.requests.append((self.client_address, self.headers["Cookie"]))
        self.server.together.wait(5.0)
        self.send_response(200)
        for name, value in (("Set-Cookie", "who=first; Path=/"), ("Content-Length", "2")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def finish(self) -> None:
        super().finish()
        self.server.ended.set()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def keep_alive() -> Iterator[KeepAlive]:
    with KeepAlive() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def alike() -> Transport:
    return Transport(None, connections=1, limit_bytes=100, retry=RETRY_NOTHING)


def test_transports_that_are_alike_use_the_same_connection_and_no_cookie_tells_of_another(keep_alive: KeepAlive):
    with contextlib.closing(alike()) as one, contextlib.closing(alike()) as other:
        for each in (one, other, one):
            each.send("GET", keep_alive.url, timeout_s=5.0)
    assert len(set(keep_alive.requests)) == 1
    assert keep_alive.requests[-1][1] is None


def test_transport_that_retries_something_else_has_connections_of_its_own(keep_alive: KeepAlive):
    with contextlib.closing(alike()) as one:
        one.send("GET", keep_alive.url, timeout_s=5.0)
        with contextlib.closing(Transport(None, connections=1, limit_bytes=100, retry=RETRY_CLOSED)) as other:
            other.send("GET", keep_alive.url, timeout_s=5.0)
    assert len({peer for peer, _cookie in keep_alive.requests}) == 2


def test_rush_opens_more_connections_than_are_kept_and_says_nothing(keep_alive: KeepAlive, caplog: pytest.LogCaptureFixture):
    keep_alive.together = threading.Barrier(3)
    with contextlib.closing(alike()) as transport:
        rush = [threading.Thread(target=transport.send, args=("GET", keep_alive.url), kwargs={"timeout_s": 5.0}) for _ in range(3)]
        for each in rush:
            each.start()
        for each in rush:
            each.join()
    assert len({peer for peer, _cookie in keep_alive.requests}) == 3
    assert caplog.records == []


def test_connections_close_with_the_last_transport_that_uses_them(keep_alive: KeepAlive):
    one, other = alike(), alike()
    one.send("GET", keep_alive.url, timeout_s=5.0)
    one.close()
    other.send("GET", keep_alive.url, timeout_s=5.0)
    assert not keep_alive.ended.is_set()
    other.close()
    assert keep_alive.ended.wait(5.0)
    assert len(set(keep_alive.requests)) == 1


def test_straggler_on_a_closed_transport_is_answered_and_leaves_nothing_open(keep_alive: KeepAlive):
    transport = alike()
    transport.close()
    assert transport.send("GET", keep_alive.url, timeout_s=5.0).status == 200
    assert keep_alive.ended.wait(5.0)


def test_long_answer_is_cut(transport, rsa_text: str):
    assert len(send(transport, rsa_text, http(b"x" * 1000)).body) == 100


def test_connection_that_is_closed_is_unanswered(transport, rsa_text: str):
    with pytest.raises(Unanswered) as unanswered:
        send(transport, rsa_text, b"")

    assert not unanswered.value.late


def test_server_that_says_nothing_is_late(transport, rsa_text: str):
    with answering(rsa_text) as text, pytest.raises(Unanswered) as unanswered:
        transport.send("GET", url_in(text), timeout_s=0.2)

    assert unanswered.value.late


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://example.com", "example.com", "https://", "http://[::1", "https://x:y"]
)
def test_address_in_the_clear_or_none_at_all_is_a_problem(url: str):
    assert problem_of_url(url)


@pytest.mark.parametrize("url", ["https://example.com/token", "http://127.0.0.1:1/token", "http://localhost", "http://[::1]:1"])
def test_address_with_tls_or_of_this_machine_is_good(url: str):
    assert problem_of_url(url) is None


def test_others_words_are_one_short_line():
    assert bounded("a\r\nb\x1b[2J" + "c" * 999) == "a  b [2J" + "c" * 292
