"""The HTTP server: gevent's, with TLS by host name, and a deadline on everything that a client could keep open."""

from __future__ import annotations

import _socket
import ipaddress
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any, Final

import gevent
import gevent.socket
import gevent.ssl
from gevent.pool import Pool
from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

from cgappliance import log
from cgappliance.config.values import WebSettings
from cgappliance.model import IPNetwork, Peer, Tenant
from cgappliance.web.client import is_among
from cgappliance.web.reading import Body, Head

_log = log.get()

CONNECTIONS_MAX: Final = 500  #: at the same time; a browser opens six, administrators are few, users come for a minute
CONNECTIONS_PER_ADDRESS_MAX: Final = 200  #: of one customer's: an office behind one address, and no more than two fifths of all
HANDSHAKE_S: Final = 10.0  #: ten round trips of a slow mobile network
REQUEST_HEAD_S: Final = 20.0  #: for a request's first line and headers, from the end of the request before
SILENCE_S: Final = 60.0  #: without a byte while a body comes or an answer goes


class _Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """One connection."""

    wsgi_input: Any
    close_connection: bool

    def read_requestline(self) -> str:
        """Wait for a request; who keeps a connection open for nothing is sent away."""
        self.socket.settimeout(SILENCE_S)
        try:
            with gevent.Timeout(REQUEST_HEAD_S), self.server.between_requests(self.socket):
                return str(super().read_requestline())
        except gevent.Timeout:
            return ""

    def read_request(self, raw_requestline: str) -> bool:
        """Read the headers.

        Raises:
            ValueError: they are none, too many, too long or too slow; the client is told so, and the connection ends.
        """
        try:
            with gevent.Timeout(REQUEST_HEAD_S, ValueError("headers came too slowly")):
                return bool(super().read_request(raw_requestline))
        except (HTTPException, OSError) as error:  # gevent would print a traceback for each
            raise ValueError(type(error).__name__) from error

    def MessageClass(self, source: Any, *arguments: Any) -> Any:  # noqa: N802 - gevent's name
        """Return the headers, read from ``source``."""
        return super().MessageClass(Head(source), *arguments)

    def get_environ(self) -> dict[str, Any]:
        """Return the request as WSGI has it, with a body that ends."""
        environ: dict[str, Any] = super().get_environ()
        given = self.wsgi_input
        self.wsgi_input = Body(self.rfile, self.content_length, socket=given.socket, chunked=given.chunked_input)
        environ["wsgi.input"], environ["wsgi.input_terminated"] = self.wsgi_input, True
        return environ

    def handle_one_response(self) -> None:
        """Have the application answer; what it left unread must not be taken for the next request."""
        super().handle_one_response()
        if not self.close_connection and not self.wsgi_input.finish():
            self.close_connection = True

    def handle(self) -> None:
        """Serve the connection's requests. A client that goes away while it is told of its mistake is no event."""
        with suppress(OSError):
            super().handle()

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """Note that an answer failed: a browser that left needs no trace, and the application has handled its own mistakes."""
        if isinstance(error, OSError):
            self.close_connection = True
        else:
            super().handle_error(kind, error, trace)

    def log_error(self, msg: str, *_args: Any) -> None:
        """Write what a client did wrong to the log, without its bytes."""
        _log.info(
            "web.bad_request", peer=str(self.client_address[0]) if self.client_address else "", detail=msg.split("%", 1)[0][:80]
        )


class Server(WSGIServer):  # type: ignore[misc]
    """Serves an application on one listening socket."""

    handler_class = _Handler

    def __init__(self, sock: _socket.socket, app: Any, contexts: Contexts | None, proxies: Sequence[IPNetwork] = ()) -> None:
        """Serve ``app`` on ``sock``; ``contexts`` None: without TLS; ``proxies``: bring many clients each."""
        listener = gevent.socket.socket(fileno=sock.detach())
        self._contexts = contexts
        self._proxies = proxies
        self._connections: Counter[str] = Counter()
        self._idle: set[Any] = set()
        super().__init__(listener, app, log=None, error_log=LoggingLogAdapter(_Quiet()), spawn=Pool(CONNECTIONS_MAX))

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection."""
        # headers and page are two segments: the second must not wait for the client's delayed acknowledgement (40 ms)
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        with self._place_of(str(address[0])) as found:
            secure = self._handshake(sock) if found else None
            if secure is None:
                sock.close()
            else:
                super().handle(secure, address)

    @contextmanager
    def between_requests(self, sock: Any) -> Iterator[None]:
        """Note that a client has nothing under way: who stops the server need not wait for it."""
        self._idle.add(sock)
        try:
            if not self.started:
                _hang_up(sock)
            yield
        finally:
            self._idle.discard(sock)

    def stop(self, timeout: float | None = None) -> None:
        """Accept no more, let idle connections go at once, and end after the requests under way. Blocks for ``timeout`` seconds."""
        self.close()
        for sock in list(self._idle):
            _hang_up(sock)
        super().stop(timeout)

    def _handshake(self, sock: Any) -> Any:
        """Return the connection, with TLS where it has to be; None: there was no agreement."""
        if self._contexts is None:
            return sock
        try:
            with gevent.Timeout(HANDSHAKE_S):
                return self._contexts.wrap(sock)
        except (OSError, gevent.Timeout):
            return None

    @contextmanager
    def _place_of(self, address: str) -> Iterator[bool]:
        """Hold one of an address's places; False: all are taken."""
        customer = _customer(address)
        self._connections[customer] += 1
        count = self._connections[customer]
        found = count <= CONNECTIONS_PER_ADDRESS_MAX or is_among(Peer.of(address, 0).address, self._proxies)
        if not found and count == CONNECTIONS_PER_ADDRESS_MAX + 1:
            _log.warning("web.crowded", peer=address, connections=CONNECTIONS_PER_ADDRESS_MAX)
        try:
            yield found
        finally:
            self._connections[customer] -= 1
            if not self._connections[customer]:
                del self._connections[customer]

    def get_environ(self) -> dict[str, Any]:
        """Return what each request's environment begins with."""
        environ: dict[str, Any] = super().get_environ()
        environ["wsgi.url_scheme"] = "http" if self._contexts is None else "https"
        return environ


class Contexts:
    """TLS contexts by host name: each tenant's certificate for its ``listen.hostname``, the site's own for all other names."""

    def __init__(self, web: WebSettings, tenants: Mapping[str, Tenant]) -> None:
        """Read the certificates. Blocks on files; one that cannot be read is logged, and its name served with the site's own."""
        own = _context(web.certificate, web.private_key)
        self._has_own = own is not None
        self._first = own or _bare()  # begins each handshake; the name that the client asks for may choose another
        self._first.sni_callback = self._choose
        self._by_name: dict[str, ssl.SSLContext] = {}
        self.apply(tenants)

    def apply(self, tenants: Mapping[str, Tenant]) -> None:
        """Serve these tenants' names from now on. Blocks on files."""
        found = {
            tenant.listen.hostname: _context(tenant.listen.certificate, tenant.listen.private_key) for tenant in tenants.values()
        }
        self._by_name = {name: context for name, context in found.items() if context is not None}

    def wrap(self, sock: Any) -> Any:
        """Return a connection after its handshake. Blocks cooperatively.

        Raises:
            OSError: it failed, or there is no certificate for the name.
        """
        secure = self._first.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        try:
            secure.do_handshake()
        except BaseException:  # a time-out is none of Exception's
            secure.close()
            raise
        return secure

    def _choose(self, tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        chosen = self._by_name.get((name or "").lower())
        if chosen is None:
            return None if self._has_own else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = chosen
        return None


def _hang_up(sock: Any) -> None:
    """Have whoever reads from a connection find its end."""
    with suppress(OSError):
        gevent.socket.socket.shutdown(sock, gevent.socket.SHUT_RD)  # of the TCP connection: TLS's own would wait for an answer


def _customer(address: str) -> str:
    """Return whose address it is: one customer gets an IPv4 address, or an IPv6 /64."""
    own = Peer.of(address, 0).address
    return str(own if own.version == 4 else ipaddress.IPv6Address(int(own) >> 64 << 64))


def _context(certificate: Any, private_key: Any) -> ssl.SSLContext | None:
    if certificate is None or private_key is None:
        return None
    context = _bare()
    try:
        context.load_cert_chain(certificate, private_key)
    except OSError as error:  # ssl.SSLError is one
        _log.error("web.certificate", file=str(certificate), detail=str(error))
        return None
    return context


def _bare() -> ssl.SSLContext:
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


class _Quiet:
    """Takes what pywsgi wants to write to standard error; what matters, ``_Handler.log_error`` has logged."""

    def log(self, _level: int, _message: str, *_: object) -> None:
        """Write nothing."""
