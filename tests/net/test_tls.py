import contextlib
import socket
import ssl

import gevent
import pytest

from cgappliance.errors import TlsFailed
from cgappliance.model import HostPort, MailProtocol
from cgappliance.net.relay import Relay
from cgappliance.net.tls import ALPN, SESSION_MAX_AGE_S, SESSION_MIN_AGE_S, UpstreamTls, client_context, failure, server_context
from cgappliance.testing.lab.certificates import Authority

from .conftest import bare, stream_over

LOCALHOST = HostPort("localhost", 993)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """An authority of our own, a server certificate that it has issued, and both contexts of the product."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    pair = authority.issue()
    authority.server = server_context(pair.certificate, pair.private_key, MailProtocol.IMAP)
    authority.client = client_context(authority.ca_file)
    return authority


@pytest.fixture
def connect(lab):
    """Return a function that makes two ends, (server's, client's), not shaken hands."""
    made = []

    def pair(client_context=None, **arguments):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        server = stream_over(bare(far), lab.server, server_side=True)
        client = stream_over(bare(near), client_context or lab.client, **{"server_hostname": "localhost", **arguments})
        made.extend((server, client))
        return server, client

    yield pair
    for stream in made:
        stream.close(goodbye=False)


def shake(server, client):
    jobs = [gevent.spawn(end.handshake) for end in (server, client)]
    with gevent.Timeout(5):
        gevent.joinall(jobs, raise_error=True)
    return server, client


def test_listener_takes_nothing_older_than_tls_1_2(lab):
    assert lab.server.minimum_version is ssl.TLSVersion.TLSv1_2
    assert lab.client.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("protocol", MailProtocol)
def test_listener_confirms_the_alpn_name_of_its_protocol(tmp_path, protocol):
    authority = Authority(tmp_path)
    pair = authority.issue()
    context, client = server_context(pair.certificate, pair.private_key, protocol), client_context(authority.ca_file)
    client.set_alpn_protocols([ALPN[protocol].decode()])
    ours, theirs = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    server_end = context.wrap_bio(*ours, server_side=True)
    client_end = client.wrap_bio(*theirs, server_hostname="localhost")
    for end, outgoing, peer in (
        (client_end, theirs[1], ours[0]),
        (server_end, ours[1], theirs[0]),
        (client_end, theirs[1], ours[0]),
    ):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
        peer.write(outgoing.read())
    assert client_end.selected_alpn_protocol() == ALPN[protocol].decode()


def test_one_ticket_for_a_handshake(lab):
    assert lab.server.num_tickets == 1


def test_upstream_is_checked_against_the_ca_file(lab, connect):
    _server, client = shake(*connect())
    assert client.tls.getpeercert()["subjectAltName"]
    assert lab.client.check_hostname
    assert lab.client.verify_mode is ssl.CERT_REQUIRED


def test_without_a_ca_file_the_systems_cas_are_trusted_and_ours_is_not(connect):
    server, client = connect(client_context(None))
    job = gevent.spawn(server.handshake)
    with pytest.raises(TlsFailed, match="certificate not accepted: unable to get local issuer certificate"):
        client.handshake()
    with pytest.raises(TlsFailed, match="unknown ca"):
        job.get(timeout=5)


def test_unreadable_certificate_is_the_callers_to_handle(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        server_context(tmp_path / "missing.crt", tmp_path / "missing.key", MailProtocol.IMAP)


def test_client_that_closes_its_direction_without_goodbye_still_gets_its_answers(connect):
    (appliance, client), (gmail, upstream) = shake(*connect()), shake(*connect())
    ended = []
    Relay(appliance, upstream, ended.append).start()
    client.sendall(b"a1 LOGOUT\r\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert gmail.recv() == b"a1 LOGOUT\r\n"
    gmail.sendall(b"a1 OK bye\r\n")
    with gevent.Timeout(5):
        assert client.recv() == b"a1 OK bye\r\n"


def test_peer_that_leaves_during_the_handshake_is_told_in_words(connect):
    server, client = connect()
    client.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(TlsFailed, match="connection closed during the handshake"):
        server.handshake()


# ---- resumption


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def dial(connect, upstream):
    """Return a client's TLS object that has connected through ``upstream`` and read something."""
    server, client = connect(upstream._context, session=upstream._session)
    shake(server, client)
    server.sendall(b"* OK\r\n")
    client.recv()
    return client.tls


def test_session_of_one_connection_is_resumed_by_the_next(lab, connect):
    upstream = UpstreamTls(LOCALHOST, client_context(lab.ca_file))
    first = dial(connect, upstream)
    assert not first.session_reused
    upstream.remember(first)
    assert dial(connect, upstream).session_reused


def test_session_is_taken_anew_only_when_it_has_grown_old(lab, connect):
    clock = Clock()
    upstream = UpstreamTls(LOCALHOST, client_context(lab.ca_file), clock)
    upstream.remember(dial(connect, upstream))
    kept = upstream._session
    upstream.remember(dial(connect, upstream))
    assert upstream._session is kept
    clock.now += SESSION_MAX_AGE_S
    upstream.remember(dial(connect, upstream))
    assert upstream._session is not kept


def test_server_that_does_not_resume_replaces_the_session(lab, connect):
    clock = Clock()
    upstream = UpstreamTls(LOCALHOST, client_context(lab.ca_file), clock)
    upstream.remember(dial(connect, upstream))
    kept, upstream._session = upstream._session, None
    clock.now += SESSION_MIN_AGE_S
    upstream.remember(dial(connect, upstream))
    assert upstream._session is not None
    assert upstream._session is not kept


def test_server_that_never_resumes_is_asked_for_a_session_now_and_then_only(lab, connect):
    clock = Clock()
    upstream = UpstreamTls(LOCALHOST, client_context(lab.ca_file), clock)
    upstream.remember(dial(connect, upstream))
    upstream._session = None
    upstream.remember(dial(connect, upstream))
    assert upstream._session is None
    clock.now += SESSION_MIN_AGE_S
    upstream.remember(dial(connect, upstream))
    assert upstream._session is not None


def test_upstream_is_named_in_the_handshake(lab):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = UpstreamTls(LOCALHOST, lab.client).wrap(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    assert b"localhost" in outgoing.read()


# ---- words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "connection closed during the handshake"),
        (ssl.SSLZeroReturnError(6, "closed"), "connection closed during the handshake"),
    ],
)
def test_errors_of_openssl_become_sentences(error, words):
    assert words in str(failure(error))
