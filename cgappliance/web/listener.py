"""The HTTP server: gevent's, with TLS by host name, and a deadline on everything that a client could keep open."""

from __future__ import annotations

import _socket
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final

import gevent
from gevent.pool import Pool
from gevent.pywsgi import LoggingLogAdapter, WSGIHandler, WSGIServer

from cgappliance import log
from cgappliance.config.values import WebSettings
from cgappliance.model import Tenant

_log = log.get()

CONNECTIONS_MAX: Final = 500  #: at the same time; a browser opens six, administrators are few, users come for a minute
HANDSHAKE_S: Final = 10.0  #: ten round trips of a slow mobile network
REQUEST_HEAD_S: Final = 20.0  #: for a request's first line and headers, from the end of the request before
SILENCE_S: Final = 60.0  #: without a byte while a body comes or an answer goes


class _Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """One connection."""

    def read_requestline(self) -> str:
        """Wait for a request; who keeps a connection open for nothing is sent away."""
        self.socket.settimeout(SILENCE_S)
        try:
            with gevent.Timeout(REQUEST_HEAD_S):
                return str(super().read_requestline())
        except gevent.Timeout:
            return ""

    def read_request(self, raw_requestline: str) -> bool:
        """Read the headers."""
        with gevent.Timeout(REQUEST_HEAD_S, ValueError("headers came too slowly")):
            return bool(super().read_request(raw_requestline))

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

    def __init__(self, sock: _socket.socket, app: Any, contexts: Contexts | None) -> None:
        """Serve ``app`` on ``sock``; ``contexts`` None: without TLS."""
        listener = socket.socket(fileno=sock.detach())
        self._contexts = contexts
        super().__init__(listener, app, log=None, error_log=LoggingLogAdapter(_Quiet()), spawn=Pool(CONNECTIONS_MAX))

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection."""
        if self._contexts is not None:
            try:
                with gevent.Timeout(HANDSHAKE_S):
                    sock = self._contexts.wrap(sock)
            except (OSError, gevent.Timeout):
                sock.close()
                return
        super().handle(sock, address)

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
        return self._first.wrap_socket(sock, server_side=True)

    def _choose(self, tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        chosen = self._by_name.get((name or "").lower())
        if chosen is None:
            return None if self._has_own else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = chosen
        return None


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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


class _Quiet:
    """Takes what pywsgi wants to write to standard error; what matters, ``_Handler.log_error`` has logged."""

    def log(self, _level: int, _message: str, *_: object) -> None:
        """Write nothing."""
