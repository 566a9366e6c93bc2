"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP: for Prometheus, load balancers and people with curl.

Nothing here asks a directory or Google: answers come from what is known already, so nobody can make the appliance hammer them. No
answer holds an address or an error's text; still the default is the loopback address, for the metrics tell who the tenants are.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from cgappliance import log

_log = log.get()

CLIENTS_MAX: Final = 16  #: connections at the same time: a few Prometheus servers and load balancers

Health = Mapping[str, Any]  #: as JSON shows it
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Endpoint:
    """The HTTP server."""

    def __init__(
        self,
        registry: CollectorRegistry,
        alive: Callable[[], Health],
        ready: Callable[[str], tuple[bool, Health]],
    ) -> None:
        """Show ``registry``; nothing listens before ``start``.

        Args:
            registry: the metrics; collecting may block for a moment.
            alive: says that the process works.
            ready: says whether clients should be sent here, for one tenant or ("") at all; raises KeyError for an unknown tenant.
        """
        self._registry = registry
        self._alive = alive
        self._ready = ready
        self._server: WSGIServer | None = None

    def start(self, address: str, port: int) -> None:
        """Begin to answer. Does not block; a port that is taken is logged, for mail goes on without metrics."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(CLIENTS_MAX)
        except OSError as error:
            listener.close()
            _log.error("metrics.failed", address=address, port=port, error=error.strerror)
            return
        self._server = WSGIServer(listener, self._answer, log=None, error_log=None, spawn=Pool(CLIENTS_MAX))
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.stop(timeout=1)

    def _answer(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _reply(start_response, "405 Method Not Allowed", "text/plain", b"only GET\n")
        if path == "/metrics":
            encode, content_type = choose_encoder(environ.get("HTTP_ACCEPT", ""))
            return _reply(start_response, "200 OK", content_type, encode(self._registry))
        if path == "/healthz":
            return _reply_json(start_response, True, self._alive())
        if path == "/readyz":
            return self._answer_ready(environ, start_response)
        return _reply(start_response, "404 Not Found", "text/plain", b"try /metrics, /healthz or /readyz\n")

    def _answer_ready(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        tenant = parse_qs(environ.get("QUERY_STRING", "")).get("tenant", [""])[0]
        try:
            ready, state = self._ready(tenant)
        except KeyError:
            return _reply(start_response, "404 Not Found", "text/plain", b"there is no such tenant\n")
        return _reply_json(start_response, ready, state)


def _reply_json(start_response: StartResponse, good: bool, state: Health) -> Iterable[bytes]:
    status = "200 OK" if good else "503 Service Unavailable"
    return _reply(start_response, status, "application/json", json.dumps(state, indent=2).encode() + b"\n")


def _reply(start_response: StartResponse, status: str, content_type: str, body: bytes) -> Iterable[bytes]:
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Connection", "close")]
    start_response(status, [*headers, ("Cache-Control", "no-store")])
    return [body]
