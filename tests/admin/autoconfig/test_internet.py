"""The real thing against real servers of this machine: pages, redirections, certificates, a name server."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from cgappliance.admin.autoconfig.internet import PAGE_MAX, Outside, Unreachable, host_of
from tests.config.kit import authority, write_pair


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/long":
            self._answer(200, b"x" * (PAGE_MAX + 1))
        elif self.path == "/loop":
            self._answer(302, b"", Location="/loop")
        elif self.path == "/moved":
            self._answer(302, b"", Location="/page")
        elif self.path == "/file":
            self._answer(302, b"", Location="file:///etc/passwd")
        else:
            self._answer(200 if self.path == "/page" else 404, b"hello")

    def do_POST(self) -> None:
        self._answer(200, self.rfile.read(int(self.headers["Content-Length"])) + self.headers["Content-Type"].encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def plain() -> Iterator[str]:
    with site() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    authority().cert_pem.write_to_path(tmp_path / "ca.pem")
    return Outside("127.0.0.1", str(tmp_path / "ca.pem"), timeout_s=2.0)


def test_a_page_is_fetched_and_so_is_one_that_is_not_there(plain: str, outside: Outside):
    assert (outside.get(f"{plain}/page").body, outside.get(f"{plain}/none").status) == (b"hello", 404)


def test_a_redirection_is_followed(plain: str, outside: Outside):
    assert outside.get(f"{plain}/moved").url == f"{plain}/page"


def test_what_is_posted_comes_with_its_type(plain: str, outside: Outside):
    assert outside.post(f"{plain}/", b"<a/>", "text/xml").body == b"<a/>text/xml"


@pytest.mark.parametrize(
    ("path", "words"), [("/loop", "redirected, and not to a page"), ("/file", "redirected"), ("/long", "longer than")]
)
def test_what_a_client_would_not_take_is_no_page(plain: str, outside: Outside, path: str, words: str):
    with pytest.raises(Unreachable, match=words):
        outside.get(f"{plain}{path}")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "nonsense"])
def test_only_the_web_is_asked(outside: Outside, url: str):
    with pytest.raises(Unreachable):
        outside.get(url)


@pytest.mark.parametrize(("name", "words"), [("127.0.0.1", ""), ("other.example", "certificate: ")])
def test_a_certificate_has_to_be_good_for_the_name(tmp_path: Path, outside: Outside, name: str, words: str):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_pair(tmp_path, name))
    with site(context) as port:
        if words:
            with pytest.raises(Unreachable, match=words):
                outside.get(f"https://127.0.0.1:{port}/page")
            with pytest.raises(Unreachable, match=words):
                outside.handshake("127.0.0.1", port)
        else:
            assert outside.get(f"https://127.0.0.1:{port}/page").status == 200
            outside.handshake("127.0.0.1", port)


def test_a_port_where_nobody_listens_is_said_in_words(outside: Outside):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        outside.handshake("127.0.0.1", port)


def answering(server: socket.socket, code: dns.rcode.Rcode) -> None:
    question, client = server.recvfrom(4096)
    asked = dns.message.from_wire(question)
    told = dns.message.make_response(asked)
    told.set_rcode(code)
    if code == dns.rcode.NOERROR:
        told.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "MX", "20 b.example.", "10 a.example."))
    server.sendto(told.to_wire(), client)


@pytest.mark.parametrize(("code", "records"), [(dns.rcode.NOERROR, ["10 a.example.", "20 b.example."]), (dns.rcode.NXDOMAIN, [])])
def test_records_are_looked_up(outside: Outside, code: dns.rcode.Rcode, records: list[str]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        outside._resolver.port = server.getsockname()[1]
        thread = threading.Thread(target=answering, args=(server, code))
        thread.start()
        try:
            assert outside.lookup("acme.example", "MX") == records
        finally:
            thread.join()


def test_a_name_server_that_is_silent_is_no_empty_answer(outside: Outside):
    outside._resolver.lifetime = 0.2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        outside._resolver.port = server.getsockname()[1]
        with pytest.raises(Unreachable, match="the DNS did not answer"):
            outside.lookup("acme.example", "MX")


def test_the_host_of_an_address():
    assert (host_of("https://[2001:db8::1]:8443/x"), host_of("nonsense")) == ("2001:db8::1", "")
