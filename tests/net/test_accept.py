import socket
import ssl

import gevent
import pytest

from cgappliance.errors import DeadlineExceeded, PeerGone, TlsFailed
from cgappliance.model import Peer
from cgappliance.net.accept import accept_tls, read_proxy_header
from cgappliance.net.deadline import deadline

from .conftest import bare

DIRECT = Peer.of("192.0.2.10", 1234)


@pytest.fixture
def ends():
    """Return (our end as the product uses it, the client's socket)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    ours = bare(far)
    yield ours, near
    ours.close()
    near.close()


def connect(near, client_context, alpn=None):
    if alpn:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(alpn)
    else:
        context = client_context
    return gevent.spawn(context.wrap_socket, near, server_hostname="localhost")


@pytest.mark.parametrize("alpn", [None, ["imap"], ["h2", "imap"]])
def test_client_without_alpn_or_with_ours_is_accepted(ends, server_context, client_context, alpn):
    client = connect(ends[1], client_context, alpn)
    stream = accept_tls(ends[0], server_context, b"imap")
    with client.get(timeout=5) as secured:
        secured.send(b"hello")
        assert stream.recv() == b"hello"
    stream.close()


def test_client_with_other_protocols_only_gets_the_alert_of_rfc_7301(ends, server_context, client_context):
    client = connect(ends[1], client_context, ["http/1.1"])
    with pytest.raises(TlsFailed, match=r"offers ALPN 'http/1\.1', not 'imap'"):
        accept_tls(ends[0], server_context, b"imap")
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        client.get(timeout=5)


def test_old_tls_is_refused_in_words(ends, server_context):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    server_context.minimum_version = ssl.TLSVersion.TLSv1_2
    client = gevent.spawn(context.wrap_socket, ends[1])
    with pytest.raises(TlsFailed, match=r"unsupported protocol"):
        accept_tls(ends[0], server_context, b"imap")
    with pytest.raises(ssl.SSLError):
        client.get(timeout=5)


def test_plain_text_is_a_failed_handshake(ends, server_context):
    ends[1].sendall(b"a1 LOGIN yuki@acme.example secret\r\n")
    with pytest.raises(TlsFailed):
        accept_tls(ends[0], server_context, b"imap")


def test_client_that_says_nothing_runs_into_the_deadline(ends, server_context):
    with pytest.raises(DeadlineExceeded, match=r"TLS handshake: no answer within 0\.05 s"), deadline(0.05, "TLS handshake"):
        accept_tls(ends[0], server_context, b"imap")


def test_client_that_leaves_is_gone(ends, server_context):
    ends[1].close()
    with pytest.raises(PeerGone, match="closed before"):
        accept_tls(ends[0], server_context, b"imap")


def test_proxy_header_names_the_client_and_leaves_the_rest(ends):
    ends[1].sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10000\r\n\x16\x03")
    assert read_proxy_header(ends[0], DIRECT) == (Peer.of("203.0.113.7", 40000), b"\x16\x03")


def test_proxy_header_local_means_the_connection_itself(ends):
    ends[1].sendall(b"PROXY UNKNOWN\r\n")
    assert read_proxy_header(ends[0], DIRECT) == (DIRECT, b"")


def test_missing_proxy_header_is_not_guessed_away(ends):
    ends[1].sendall(b"\x16\x03\x01\x00\x05")
    with pytest.raises(PeerGone, match="no PROXY header"):
        read_proxy_header(ends[0], DIRECT)


def test_handshake_follows_the_header_in_the_same_segment(ends, server_context, client_context):
    ends[1].sendall(b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10000\r\n")
    client = connect(ends[1], client_context)
    gevent.sleep(0.02)
    _, early = read_proxy_header(ends[0], DIRECT)
    stream = accept_tls(ends[0], server_context, b"imap", early)
    client.get(timeout=5).close()
    stream.close()
