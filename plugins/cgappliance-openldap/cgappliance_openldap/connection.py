"""One connection to one server: TLS before anything else, every wait within the login's deadline.

All waiting of this plugin happens here, on gevent's sockets. TLS is OpenSSL's, as everywhere in the appliance: its reasons for not
trusting a server can be read.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
import ldap
from ldap.extop import ExtendedRequest
from pyasn1.error import PyAsn1Error

from cgappliance.plugin_api import Deadline, DirectoryServer, ServerFailed, ServerTimedOut, SharedContexts
from cgappliance_openldap.engine import Answer, Engine, Handle, Request

READ_BYTES = 16 * 1024  #: one TLS record; libldap's end of the socket pair takes much more
#: What one answer may be long: a person who is a member of ten thousand groups.
ANSWER_LIMIT_BYTES = 1024 * 1024
START_TLS_OID = "1.3.6.1.4.1.1466.20037"  # RFC 4511 4.14.1

#: Results that say nothing about the question, but that another server or a later moment would answer it
OUTAGES = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.BUSY, ldap.UNAVAILABLE, ldap.DECODING_ERROR, ldap.LOCAL_ERROR)
TIMEOUTS = (ldap.TIMEOUT, ldap.TIMELIMIT_EXCEEDED)

_contexts = SharedContexts()


class Refused(Exception):
    """The server answered, with an error result; ``error`` is python-ldap's, by whose class results are told apart."""

    def __init__(self, error: ldap.LDAPError) -> None:
        super().__init__(words(error))
        self.error = error

    @property
    def controls(self) -> list[tuple[str, bool, bytes | None]]:
        """The response controls, not decoded."""
        return list(_details(self.error).get("ctrls", []))


def words(error: ldap.LDAPError) -> str:
    """Return an LDAP error as a sentence for the operator: what it means, and what the server said besides."""
    details = _details(error)
    parts = [details.get("desc") or type(error).__name__, details.get("info")]
    return ": ".join(str(part) for part in parts if part)


def _details(error: ldap.LDAPError) -> dict[str, Any]:
    first = error.args[0] if error.args else {}
    return first if isinstance(first, dict) else {"desc": str(first)}


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what servers' certificates are checked with; None: the system's CAs. Reads files.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    return _contexts.get(lambda: _make_context(ca_file), ca_file)


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    return context


@contextlib.contextmanager
def until(deadline: Deadline) -> Iterator[None]:
    """Let the block wait until the deadline; what goes wrong on the way is the server's failure.

    Raises:
        ServerTimedOut: the deadline passed.
        ServerFailed: the network or TLS failed.
    """
    timer = gevent.Timeout(deadline.left_s)
    try:
        with timer:
            yield
    except gevent.Timeout as timeout:
        if timeout is not timer:
            raise  # the host's own, around the whole login
        raise ServerTimedOut("no answer in time") from None
    except ssl.SSLCertVerificationError as error:
        raise ServerFailed(f"certificate not accepted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise ServerFailed(f"TLS failed: {error.reason or error}") from None
    except OSError as error:
        raise ServerFailed(error.strerror or str(error)) from None


class Connection:
    """A connection that one login at a time may use."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream
        self._engine = Engine()

    def ask(self, request: Request, deadline: Deadline, limit_bytes: int = ANSWER_LIMIT_BYTES) -> Answer:
        """Return the server's answer to ``request``, which may be ``limit_bytes`` long.

        Raises:
            Refused: the answer is an error result.
            ServerFailed: there is no answer; the connection is of no use any more.
        """
        with until(deadline):
            try:
                return self._exchange(request, limit_bytes)
            except TIMEOUTS as error:
                raise ServerTimedOut(words(error)) from None
            except OUTAGES as error:
                raise ServerFailed(words(error)) from None
            except ldap.LDAPError as error:
                raise Refused(error) from None
            except PyAsn1Error:
                raise ServerFailed("the answer has a control that cannot be decoded") from None

    def _exchange(self, request: Request, limit_bytes: int) -> Answer:
        message, data = self._engine.send(request)
        self._socket.sendall(data)
        received = 0
        while (answer := self._engine.answer(message)) is None:
            data = self._socket.recv(READ_BYTES)
            received += len(data)
            if not data:
                raise ServerFailed("the server closed the connection")
            if received > limit_bytes:
                raise ServerFailed(f"the answer is longer than {limit_bytes} bytes")
            self._engine.receive(data)
        return answer

    def give_back_socket(self) -> socket.socket:
        """Return the socket and forget everything else; the connection is closed then."""
        self._engine.close()
        return self._socket

    def close(self) -> None:
        """Close it, whatever state it is in. Does not wait."""
        self.give_back_socket().close()


def connect(server: DirectoryServer, context: ssl.SSLContext, deadline: Deadline) -> Connection:
    """Return a connection to ``server`` that is protected by TLS. Waits, name resolution included, until the deadline.

    Raises:
        ServerFailed: it cannot be had.
    """
    with until(deadline), contextlib.ExitStack() as undo:
        stream = _dial(server)
        undo.callback(stream.close)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.starttls:
            _start_tls(stream, deadline)
        # the handshake comes apart from the wrapping: gevent would not close a socket whose handshake is given up
        protected = context.wrap_socket(stream, server_hostname=server.host, do_handshake_on_connect=False)
        undo.callback(protected.close)
        protected.do_handshake()
        undo.pop_all()
        return Connection(protected)


def _dial(server: DirectoryServer) -> socket.socket:
    """Return a socket to the first of the server's addresses that accepts one (gevent's own way leaks one that is given up)."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in gevent.socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM):
        stream: socket.socket = gevent.socket.socket(family, kind, protocol)
        try:
            stream.connect(address)
        except BaseException as error:
            stream.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return stream
    raise failure or OSError(f"{server.host} has no address")


def _start_tls(stream: socket.socket, deadline: Deadline) -> None:
    """Ask the server to go on with TLS (RFC 4511 4.14).

    The connection in which this is asked is given up afterwards: what an attacker has sent behind the server's answer stays in its
    engine and is never taken for an answer that came protected.
    """
    unprotected = Connection(stream)
    try:
        unprotected.ask(_request_start_tls, deadline)
    except Refused as refused:
        raise ServerFailed(f"StartTLS refused: {refused}") from None
    finally:
        unprotected.give_back_socket()


def _request_start_tls(handle: Handle) -> int:
    message: int = handle.extop(ExtendedRequest(START_TLS_OID, None))
    return message
