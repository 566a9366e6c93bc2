"""The look-alike as a whole: listeners for IMAPS, POP3S, SMTPS, the HTTP interfaces and the control API, in a thread of its own.

``with GmailLookAlike(key_pair) as gmail:`` serves until the block ends. The thread has a gevent hub of its own, so it works in an
unpatched test (a real thread) as in a patched process (a greenlet). ``gmail.state`` may be read and changed meanwhile.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import gevent
from flask import Flask
from gevent import socket
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail import control, directory_api, key_certificates, settings_api, token
from cgappliance.testing.gmail.imap import ImapSession
from cgappliance.testing.gmail.pop3 import Pop3Session
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.session import Interrupted, Session, SessionExpired
from cgappliance.testing.gmail.smtp import SmtpSession
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import FaultKind
from cgappliance.testing.gmail.tls import ServerTls
from cgappliance.testing.gmail.wire import Wire
from cgappliance.testing.lab.certificates import KeyPair

SERVICES = ("imaps", "pop3s", "smtps", "http", "https", "control")
SESSIONS: dict[str, type[Session]] = {"imaps": ImapSession, "pop3s": Pop3Session, "smtps": SmtpSession}
PROTOCOL_PORTS = {MailProtocol.IMAP: "imaps", MailProtocol.POP3: "pop3s", MailProtocol.SMTP: "smtps"}
BACKLOG = 1024  #: a load test connects hundreds of times at once
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
LOOK_AGAIN_S = 0.05  #: the shortest wait for a session's end, so that rounding cannot make a busy loop


class GmailLookAlike:
    """Gmail, as far as a mail proxy can tell."""

    def __init__(
        self,
        key_pair: KeyPair,
        state: GmailState | None = None,
        *,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Describe the look-alike; nothing listens before ``start``.

        Args:
            key_pair: the certificate and key of all TLS services.
            state: accounts and the rest; default: nobody exists.
            host: the loopback address to listen on.
            ports: by service name (``SERVICES``); 0 or left out: a free one.
        """
        self.state = state or GmailState()
        self.host = host
        self.ports: dict[str, int] = {}
        self._tls = ServerTls(key_pair.certificate, key_pair.private_key)
        self._wanted_ports = dict(ports or {})
        self._google, self._control = self._google_app(), control.make_app(self)
        self._sessions: dict[Any, Session] = {}
        self._interruptions: list[FaultKind] = []
        self._moved = Event()
        self._stopping = Event()
        self._thread: threading.Thread | None = None
        self.state.clock.on_move(self._moved.set)

    @property
    def token_uri(self) -> str:
        """The token endpoint's address, for the key file of a service account."""
        return f"http://{self.host}:{self.ports['http']}/token"

    def key_json(self, service_account: ServiceAccount) -> str:
        """Return the key file of a service account, leading to this look-alike's token endpoint."""
        return service_account.key_json(self.token_uri)

    def end_sessions(self, kind: FaultKind) -> None:
        """End all mail sessions now, as ``kind`` says."""
        self._interruptions.append(kind)
        self._moved.set()

    def start(self) -> Self:
        """Listen, and serve in a thread of its own; returns when all ports are open.

        Raises:
            OSError: a port is taken.
        """
        self._stopping.clear()
        ready: threading.Event = threading.Event()
        failures: list[OSError] = []

        def run() -> None:
            try:
                self.serve(on_ready=ready.set)
            except OSError as error:
                failures.append(error)
                ready.set()

        self._thread = threading.Thread(target=run, name="gmail-look-alike", daemon=True)
        self._thread.start()
        if not ready.wait(START_TIMEOUT_S) or failures:
            raise failures[0] if failures else TimeoutError("the look-alike did not start in time")
        return self

    def stop(self) -> None:
        """End all sessions and close all ports; they stay this object's for another ``start``. Blocks up to STOP_TIMEOUT_S."""
        self.order_stop()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)

    def order_stop(self) -> None:
        """Make ``serve`` return; does not wait, good in a signal handler."""
        self._stopping.set()

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Listen and serve in the calling thread until ``order_stop``.

        Raises:
            OSError: a port is taken.
        """
        servers = self._open()
        watcher = gevent.spawn(self._end_sessions_in_time)
        on_ready()
        try:
            self._stopping.wait()
        finally:
            watcher.kill()
            for server in servers:
                server.stop(timeout=0)
            gevent.killall(list(self._sessions))

    def _open(self) -> list[Any]:
        with contextlib.ExitStack() as on_failure:
            listeners = {name: on_failure.enter_context(self._listen(name)) for name in SERVICES}
            on_failure.pop_all()
        self.ports = self._wanted_ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
        servers = [
            *(StreamServer(listeners[name], self._handler(kind)) for name, kind in SESSIONS.items()),
            WSGIServer(listeners["http"], self._google, log=None, error_log=sys.stderr),
            WSGIServer(listeners["https"], self._google, log=None, error_log=sys.stderr, ssl_context=self._tls.context),
            WSGIServer(listeners["control"], self._control, log=None, error_log=sys.stderr),
        ]
        for server in servers:
            server.start()
        return servers

    def _listen(self, name: str) -> Any:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # inherited by what it accepts: an HTTP answer in two writes would otherwise wait 40 ms for the client's acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((self.host, self._wanted_ports.get(name, 0)))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def _google_app(self) -> Flask:
        app = Flask("gmail-look-alike")
        for interface in (token, directory_api, settings_api, key_certificates):
            interface.add_routes(app, self.state)
        return app

    def _handler(self, kind: type[Session]) -> Callable[[Any, Any], None]:
        def handle(sock: Any, peer: Any) -> None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each answer of two writes waits for a delayed ACK
            record = self.state.records.connection(kind.protocol, peer, self.state.clock.now())
            session = kind(self.state, Wire(sock, record))
            current = gevent.getcurrent()
            self._sessions[current] = session
            try:
                session.run(self._tls)
            finally:
                self._sessions.pop(current, None)

        return handle

    def _end_sessions_in_time(self) -> None:
        """Wake for each session whose time is over, for each move of the clock, and for each order of a test."""
        while True:
            self._moved.clear()
            while self._interruptions:
                self._interrupt(Interrupted(self._interruptions.pop(0)), list(self._sessions))
            self._interrupt(SessionExpired(), [greenlet for greenlet, session in self._sessions.items() if session.is_over()])
            ends = [session.expires_at for session in self._sessions.values() if session.expires_at is not None]
            wait_s = max(min(ends) - self.state.clock.now(), LOOK_AGAIN_S) if ends else None
            self._moved.wait(wait_s)

    def _interrupt(self, error: Exception, greenlets: list[Any]) -> None:
        for greenlet in greenlets:
            self._sessions.pop(greenlet, None)  # once is enough
            greenlet.kill(error, block=False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
