"""A server of our own, in this process, that does what a real one does not do on request."""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import gevent.socket
import gevent.ssl
import ldap
import pytest
from cgappliance_openldap.connection import ANSWER_LIMIT_BYTES, Connection, Refused, connect, tls_context
from cgappliance_openldap.engine import Handle
from gevent.server import StreamServer

from cgappliance.plugin_api import Deadline, DirectoryServer, ServerFailed, ServerTimedOut
from cgappliance.testing.lab.certificates import Authority, KeyPair, self_signed
from cgappliance.testing.observe import left_behind

BIND_ACCEPTED = bytes.fromhex("30 0c 02 01 01 61 07 0a 01 00 04 00 04 00")
START_TLS_ACCEPTED = bytes.fromhex("30 0c 02 01 01 78 07 0a 01 00 04 00 04 00")
START_TLS_REFUSED = bytes.fromhex("30 0c 02 01 01 78 07 0a 01 02 04 00 04 00")  # protocolError: it knows no StartTLS

Handler = Callable[[gevent.socket.socket], object]
Serve = Callable[..., DirectoryServer]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> KeyPair:
    return authority.issue(file="good")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Returns a server for one handler of connections; with a key pair, TLS comes first."""
    servers: list[StreamServer] = []

    def start(handler: Handler, pair: KeyPair | None = None, *, starttls: bool = False) -> DirectoryServer:
        def handle(plain: gevent.socket.socket, _address: object) -> None:
            with contextlib.suppress(OSError), plain:  # the client leaves when it likes: that is what is tested
                if not pair:
                    handler(plain)
                    return
                with protect(plain, pair) as stream:
                    handler(stream)

        server = StreamServer(("127.0.0.1", 0), handle)
        server.start()
        servers.append(server)
        return DirectoryServer("127.0.0.1", server.server_port, starttls)

    yield start
    for server in servers:
        server.stop(timeout=0)


def protect(plain: gevent.socket.socket, pair: KeyPair) -> gevent.socket.socket:
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.private_key)
    stream = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    try:
        stream.do_handshake()
    except OSError:
        stream.close()
        raise
    return stream


def say(*pieces: bytes) -> Handler:
    """Answer a request with ``pieces``, one write each, and then wait for the client to leave."""

    def handler(stream: gevent.socket.socket) -> None:
        stream.recv(1024)
        for piece in pieces:
            stream.sendall(piece)
        silent(stream)

    return handler


def silent(stream: gevent.socket.socket) -> None:
    while stream.recv(1024):
        pass


def bind(handle: Handle) -> int:
    message: int = handle.simple_bind("cn=yuki", "pw")
    return message


def connected(server: DirectoryServer, authority: Authority, timeout_s: float = 5.0) -> Connection:
    return connect(server, tls_context(authority.ca_file), Deadline(timeout_s))


def test_request_is_answered(serve: Serve, good: KeyPair, authority: Authority) -> None:
    connection = connected(serve(say(BIND_ACCEPTED), good), authority)
    assert list(connection.ask(bind, Deadline(5)).data) == []
    connection.close()


def test_answer_in_pieces_is_put_together(serve: Serve, good: KeyPair, authority: Authority) -> None:
    pieces = [bytes([byte]) for byte in BIND_ACCEPTED]
    connection = connected(serve(say(*pieces), good), authority)
    connection.ask(bind, Deadline(5))
    connection.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong_host", "certificate not accepted: IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("expired", "certificate not accepted: certificate has expired"),
        ("not_yet_valid", "certificate not accepted: certificate is not yet valid"),
    ],
)
def test_wrong_certificate_is_not_accepted(serve: Serve, authority: Authority, kind: str, words: str) -> None:
    with pytest.raises(ServerFailed) as failed:
        connected(serve(silent, getattr(authority, kind)()), authority)
    assert str(failed.value).startswith(words)


def test_certificate_of_nobody_we_trust_is_not_accepted(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    for pair in (self_signed(tmp_path), Authority(tmp_path, "stranger").issue()):
        with pytest.raises(ServerFailed, match="certificate not accepted: "):
            connected(serve(silent, pair), authority)


def test_own_authority_is_not_trusted_where_the_systems_are(serve: Serve, good: KeyPair) -> None:
    with pytest.raises(ServerFailed, match="certificate not accepted: "):
        connect(serve(silent, good), tls_context(None), Deadline(5))


def test_server_without_tls_is_an_outage(serve: Serve, authority: Authority) -> None:
    with pytest.raises(ServerFailed, match="TLS failed"):
        connected(serve(say(b"220 mail.example ESMTP\r\n")), authority)


@pytest.mark.parametrize("starttls", [False, True])
def test_server_that_says_nothing_is_left_at_the_deadline(serve: Serve, authority: Authority, starttls: bool) -> None:
    started = time.monotonic()
    with pytest.raises(ServerTimedOut):
        connected(serve(silent, starttls=starttls), authority, timeout_s=0.3)
    assert 0.3 <= time.monotonic() - started < 0.5


def test_server_that_stops_in_the_middle_is_left_at_the_deadline(serve: Serve, good: KeyPair, authority: Authority) -> None:
    connection = connected(serve(say(BIND_ACCEPTED[:5]), good), authority)
    started = time.monotonic()
    with pytest.raises(ServerTimedOut):
        connection.ask(bind, Deadline(0.3))
    assert 0.3 <= time.monotonic() - started < 0.5
    connection.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "."),
        (b"\x30\x84\x7f\xff\xff\xff" + bytes(2 * ANSWER_LIMIT_BYTES), "."),
        (b"", "closed"),
    ],
    ids=["another protocol", "endless", "nothing"],
)
def test_answer_that_is_none_is_an_outage(serve: Serve, good: KeyPair, authority: Authority, said: bytes, words: str) -> None:
    def handler(stream: gevent.socket.socket) -> None:
        stream.recv(1024)
        stream.sendall(said)

    connection = connected(serve(handler, good), authority)
    with pytest.raises(ServerFailed, match=words):
        connection.ask(bind, Deadline(5))
    connection.close()


def test_error_result_is_an_answer(serve: Serve, good: KeyPair, authority: Authority) -> None:
    refusal = BIND_ACCEPTED.replace(bytes.fromhex("0a 01 00"), bytes.fromhex("0a 01 31"))
    connection = connected(serve(say(refusal), good), authority)
    with pytest.raises(Refused, match="Invalid credentials") as refused:
        connection.ask(bind, Deadline(5))
    assert isinstance(refused.value.error, ldap.INVALID_CREDENTIALS)
    connection.close()


@pytest.mark.parametrize(("code", "error"), [(51, ServerFailed), (52, ServerFailed), (3, ServerTimedOut)])
def test_busy_server_is_an_outage(serve: Serve, good: KeyPair, authority: Authority, code: int, error: type[Exception]) -> None:
    busy = BIND_ACCEPTED.replace(bytes.fromhex("0a 01 00"), bytes([0x0A, 1, code]))
    connection = connected(serve(say(busy), good), authority)
    with pytest.raises(error):
        connection.ask(bind, Deadline(5))
    connection.close()


def test_starttls_that_is_refused_is_an_outage_and_sends_no_password(serve: Serve, authority: Authority) -> None:
    heard: list[bytes] = []

    def handler(stream: gevent.socket.socket) -> None:
        heard.append(stream.recv(1024))
        stream.sendall(START_TLS_REFUSED)
        heard.append(stream.recv(1024))

    with pytest.raises(ServerFailed, match="StartTLS refused: Protocol error"):
        connected(serve(handler, starttls=True), authority)
    gevent.sleep(0.05)
    assert heard[1:] in ([], [b""])


def test_answer_slipped_in_before_tls_is_never_taken_for_a_protected_one(serve: Serve, good: KeyPair, authority: Authority) -> None:
    """An attacker on the wire appends an accepted bind to the server's answer to StartTLS."""

    def handler(stream: gevent.socket.socket) -> None:
        stream.recv(1024)
        stream.sendall(START_TLS_ACCEPTED + BIND_ACCEPTED)
        with protect(stream, good) as protected:
            silent(protected)

    connection = connected(serve(handler, starttls=True), authority)
    with pytest.raises(ServerTimedOut):
        connection.ask(bind, Deadline(0.3))
    connection.close()


def test_next_address_is_tried_when_one_refuses(
    serve: Serve, good: KeyPair, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(say(BIND_ACCEPTED), good)
    real = gevent.socket.getaddrinfo(server.host, server.port, type=gevent.socket.SOCK_STREAM)
    nobody = gevent.socket.getaddrinfo("127.0.0.2", 1, type=gevent.socket.SOCK_STREAM)
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_args, **_options: nobody + real)
    connected(server, authority).close()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (DirectoryServer("127.0.0.2", 1, starttls=False), "Connection refused"),
        (DirectoryServer("no-such-host.invalid", 636, starttls=False), "."),
    ],
)
def test_server_that_cannot_be_reached_is_an_outage(authority: Authority, server: DirectoryServer, words: str) -> None:
    with pytest.raises(ServerFailed, match=words):
        connected(server, authority)


@pytest.mark.parametrize("starttls", [False, True])
def test_login_that_is_given_up_leaves_nothing(serve: Serve, authority: Authority, starttls: bool) -> None:
    server = serve(silent, starttls=starttls)

    def give_up() -> None:
        with gevent.Timeout(0.05, False):
            connected(server, authority)
        gevent.sleep(0.05)

    assert left_behind(give_up) == []
