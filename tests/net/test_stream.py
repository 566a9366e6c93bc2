import ctypes
import socket
import ssl

import gevent
import pytest

from cgappliance.errors import DeadlineExceeded, PeerGone, TlsFailed
from cgappliance.net.deadline import deadline

from .conftest import bare, stream_over


class MallInfo(ctypes.Structure):
    """mallinfo2(3)."""

    _fields_ = [("before", ctypes.c_size_t * 7), ("uordblks", ctypes.c_size_t), ("after", ctypes.c_size_t * 2)]


def allocated_bytes():
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = MallInfo
    return mallinfo().uordblks


def test_bytes_arrive_as_sent(tls_pair):
    server, client = tls_pair()
    client.sendall(b"a" * 100_000)
    received = b""
    while len(received) < 100_000:
        received += server.recv()
    assert received == b"a" * 100_000


def test_close_is_an_empty_read(tls_pair):
    server, client = tls_pair()
    client.close()
    assert server.recv() == b""


def test_close_without_close_notify_is_an_empty_read_too(tls_pair):
    server, client = tls_pair()
    server.sendall(b"x")
    client.recv()  # with its session tickets: what is left unread in a socket makes the close a reset
    client.close(goodbye=False)
    assert server.recv() == b""


def test_close_twice_is_fine(tls_pair):
    server, _ = tls_pair()
    server.close()
    server.close()


def test_after_a_rest_a_ticket_has_left_no_buffer_and_nothing_was_said(tls_pair):
    server, client = tls_pair()
    server.sendall(b"greeting")
    before = allocated_bytes()
    client.recv()
    client.rest()
    assert allocated_bytes() < before + 8_000  # the buffer has 16 KiB; the measurement itself takes some
    client.sendall(b"login")
    assert server.recv() == b"login"


def test_reset_is_peer_gone(tls_pair):
    server, client = tls_pair()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.release()
    with pytest.raises(PeerGone, match="connection lost"):
        server.recv()


def test_read_that_waits_too_long_meets_the_deadline(tls_pair):
    server, _ = tls_pair()
    with pytest.raises(DeadlineExceeded, match="command: no answer"), deadline(0.05, "command"):
        server.recv()


def test_write_to_a_peer_that_does_not_read_meets_the_deadline(tls_pair):
    server, _client = tls_pair()
    with pytest.raises(DeadlineExceeded), deadline(0.2, "reply"):
        server.sendall(bytes(50_000_000))


def test_certificate_of_another_host_is_refused_in_words(server_context, client_context):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    server = stream_over(bare(far), server_context, server_side=True)
    client = stream_over(bare(near), client_context, server_hostname="imap.gmail.com")
    job = gevent.spawn(server.handshake)
    with pytest.raises(TlsFailed, match="certificate not accepted: Hostname mismatch"):
        client.handshake()
    with pytest.raises(TlsFailed, match="bad certificate"):
        job.get(timeout=5)
    for stream in (server, client):
        stream.close(goodbye=False)


def test_garbage_after_the_handshake_is_peer_gone(tls_pair):
    server, client = tls_pair()
    client.sock.send(b"this is not a TLS record")
    with pytest.raises(PeerGone, match="TLS"):
        server.recv()


def test_idle_stream_owns_no_buffer_of_ours(tls_pair):
    server, client = tls_pair()
    client.sendall(b"x")
    server.recv()
    server.sendall(b"y")
    assert isinstance(server.incoming, ssl.MemoryBIO)
    assert (server.incoming.pending, server.outgoing.pending) == (0, 0)


def test_tickets_of_a_server_go_along_with_the_first_thing_it_says(tls_pair):
    server, client = tls_pair()
    assert server.tls.version() == "TLSv1.3"
    assert server.outgoing.pending
    server.sendall(b"* OK\r\n")
    assert client.recv() == b"* OK\r\n"
    assert client.tls.session.has_ticket


def test_handshake_of_tls_1_2_is_over_for_both_when_the_server_has_finished(server_context):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    server = stream_over(bare(far), server_context, server_side=True)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = stream_over(bare(near), client_context, server_hostname="localhost")
    with gevent.Timeout(5):
        gevent.joinall([gevent.spawn(end.handshake) for end in (server, client)], raise_error=True)
    assert client.tls.version() == "TLSv1.2"
    server.release()
    client.release()
