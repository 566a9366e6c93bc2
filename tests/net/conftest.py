"""Pairs of TLS ends over real sockets. Run patched: ``python -m gevent.monkey --module pytest tests/net``."""

import _socket
import socket
import ssl

import gevent
import pytest
import trustme

from cgappliance.net.stream import TlsStream, tune


@pytest.fixture(scope="session")
def authority():
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="session")
def server_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


def bare(sock):
    """Return the socket as the product uses it: not gevent's."""
    fd = sock.detach()
    raw = _socket.socket(fileno=fd)
    tune(raw)
    return raw


def stream_over(sock, context, **arguments):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return TlsStream(sock, incoming, outgoing, context.wrap_bio(incoming, outgoing, **arguments))


@pytest.fixture
def tls_pair(server_context, client_context):
    """Return a function that makes (server's end, client's end), both shaken hands."""
    made = []

    def pair():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        server = stream_over(bare(far), server_context, server_side=True)
        client = stream_over(bare(near), client_context, server_hostname="localhost")
        made.extend((server, client))
        with gevent.Timeout(5):
            gevent.joinall([gevent.spawn(server.handshake), gevent.spawn(client.handshake)], raise_error=True)
        return server, client

    yield pair
    for stream in made:
        stream.close(goodbye=False)


@pytest.fixture
def stage(tls_pair, server_context, client_context):
    from .stage import Stage  # noqa: PLC0415 - it builds on this file

    stage = Stage(tls_pair, server_context, client_context)
    yield stage
    stage.close()
