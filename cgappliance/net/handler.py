"""A listener's clients and its upstream: ``Handler`` turns an accepted socket into a running relay, or into nothing.

It belongs to one tenant and one protocol. What it does with a client that has shaken hands stands in ``connection.py``; what both
find around them, in ``surroundings.py``.
"""

from __future__ import annotations

import _socket
import ssl
import time
from typing import Any, Final
from weakref import WeakSet

from cgappliance import log
from cgappliance.errors import DeadlineExceeded, Dismissed, LoginFailed, PeerGone
from cgappliance.model import Grant, HostPort, MailProtocol, Peer, Reason
from cgappliance.net.accept import accept_tls, read_proxy_header
from cgappliance.net.connection import Connection
from cgappliance.net.deadline import deadline
from cgappliance.net.dial import Dialer
from cgappliance.net.health import Part
from cgappliance.net.lobby import Lobby, Visitor
from cgappliance.net.stream import TlsStream
from cgappliance.net.surroundings import Surroundings
from cgappliance.net.tls import ALPN
from cgappliance.net.waiting import Waiting
from cgappliance.net.warm import WarmPool
from cgappliance.proto.events import Back, Front
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.pop3.front import Pop3Front
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.proto.smtp.front import SmtpFront
from cgappliance.session import mailbox
from cgappliance.session.ports import Mailbox, Stream

_log = log.get()

PROXY_HEADER_TIMEOUT_S: Final = 3.0  #: the PROXY protocol's text asks for at least three seconds


class Handler:
    """Serves one listener. Call it with an accepted socket, in a greenlet of its own."""

    def __init__(
        self, around: Surroundings, protocol: MailProtocol, context: ssl.SSLContext, dialer: Dialer, warm_limit: int = 0
    ) -> None:
        """Serve ``protocol`` for the tenant of ``around`` with the certificate in ``context``; see ``warm.py`` for the limit."""
        self.around = around
        self.protocol = protocol
        self.context = context
        self.dialer = dialer
        self.port = around.tenant.listen.ports[protocol]
        self.waiting = Waiting()
        self._replaced: WeakSet[Handler] = WeakSet()  # those of older tenant files that still have clients
        self.warm = WarmPool(f"{around.tenant.id}/{protocol.value}", self.open_upstream, warm_limit)
        self._ehlo: tuple[str, ...] | None = None  # of the upstream's last EHLO

    def __call__(self, sock: _socket.socket, address: Any) -> None:
        """Serve one client until it is relayed or gone; closes the socket unless a relay has taken it over. Blocks."""
        client: TlsStream | None = None
        relayed = False
        try:
            with _Visit(self.around.house.lobby, sock) as visitor:
                peer, early = self._peer(sock, Peer.of(address[0], address[1]))
                self.around.house.lobby.introduce(visitor, peer.address)
                started = time.perf_counter()
                with deadline(self.around.timeouts.handshake_s, "TLS handshake"):
                    client = accept_tls(sock, self.context, ALPN[self.protocol], early)
                tls_ms = (time.perf_counter() - started) * 1000
                relayed = Connection(self, client, peer, visitor, tls_ms).serve()
        except (PeerGone, Dismissed) as error:
            _log.debug("connection.lost", tenant=self.around.tenant.id, protocol=self.protocol.value, detail=str(error))
        finally:
            if not relayed:
                if client is not None:
                    client.close()
                sock.close()

    def replace_by(self, newer: Handler) -> None:
        """Let clients that came before a reload, or before several, and log in after it do so by the new tenant file."""
        self.warm.close()
        newer.waiting.adopt(self.waiting)
        for handler in (self, *self._replaced):
            handler.around, handler.dialer, handler.context = newer.around, newer.dialer, newer.context
            handler.warm, handler.waiting = newer.warm, newer.waiting
            newer._replaced.add(handler)

    def _peer(self, sock: _socket.socket, direct: Peer) -> tuple[Peer, bytes]:
        """Return who the client is; behind a load balancer its header says so, and nobody else may connect (never guess)."""
        trusted = self.around.tenant.listen.proxy_protocol_from
        if not trusted:
            return direct, b""
        if not any(direct.address in network for network in trusted):
            raise PeerGone(f"{direct}: not one of the load balancers in listen.proxy_protocol_from")
        with deadline(PROXY_HEADER_TIMEOUT_S, "PROXY header"):
            return read_proxy_header(sock, direct)

    def front(self) -> Front:
        """Return a new client side."""
        if self.protocol is MailProtocol.IMAP:
            return ImapFront()
        if self.protocol is MailProtocol.POP3:
            return Pop3Front()
        hostname = self.around.tenant.listen.hostname
        return SmtpFront(hostname) if self._ehlo is None else SmtpFront(hostname, self._ehlo)

    def back(self) -> Back:
        """Return a new upstream side."""
        if self.protocol is MailProtocol.IMAP:
            return ImapBack()
        if self.protocol is MailProtocol.POP3:
            return Pop3Back()
        return SmtpBack(self.around.tenant.listen.hostname)

    def open_upstream(self) -> tuple[TlsStream, Back]:
        """Return a new connection to Gmail that has been greeted. Blocks.

        Raises:
            LoginFailed: Gmail could not be reached or does not greet.
        """
        try:
            stream, back = self.dialer.connect(), self.back()
            with self._dialogue(stream):
                mailbox.greet(stream, back)
        except LoginFailed as failure:
            self._note_upstream(failure)
            raise
        self.around.health.note(Part.UPSTREAM, Reason.ACCEPTED, which=self.protocol.value)
        return stream, back

    def _note_upstream(self, failure: LoginFailed) -> None:
        self.around.health.note(Part.UPSTREAM, failure.reason, failure.detail, self.protocol.value)

    def log_in(self, stream: Stream, back: Back, grant: Grant) -> Mailbox:
        """Return the mailbox that ``grant`` opens over a greeted connection. Blocks; closes the stream when it raises.

        Raises:
            LoginFailed: Gmail refuses, or is gone.
        """
        try:
            with self._dialogue(stream):
                opened = mailbox.log_in(stream, back, grant)
        except LoginFailed as failure:
            self._note_upstream(failure)
            raise
        self.around.health.note(Part.UPSTREAM, Reason.ACCEPTED, which=self.protocol.value)
        return opened

    def _dialogue(self, stream: Stream) -> _Dialogue:
        return _Dialogue(stream, self.dialer.tls.server, self.around.timeouts.upstream_s)

    def learn(self, opened: Mailbox) -> None:
        """Remember what a successful login taught about the upstream: its EHLO keywords, its TLS session."""
        if opened.accepted.ehlo:
            self._ehlo = opened.accepted.ehlo


class _Dialogue(deadline):
    """Bounds a dialogue with the upstream; whatever ends it early closes the stream, and what the upstream did is a LoginFailed."""

    __slots__ = ("_server", "_stream")

    def __init__(self, stream: Stream, server: HostPort, timeout_s: float) -> None:
        super().__init__(timeout_s, server)
        self._server = server
        self._stream = stream

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        super().__exit__(kind, error, traceback)
        if error is None:
            return
        self._stream.close(goodbye=False)
        if isinstance(error, DeadlineExceeded) and self.is_over:
            raise LoginFailed(Reason.UPSTREAM_TIMEOUT, str(error)) from error
        if isinstance(error, PeerGone):
            raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, f"{self._server}: {error}") from error


class _Visit:
    """What a client does until it is relayed or gone."""

    __slots__ = ("_lobby", "_sock", "_visitor")

    def __init__(self, lobby: Lobby, sock: _socket.socket) -> None:
        self._lobby = lobby
        self._sock = sock

    def __enter__(self) -> Visitor:
        self._visitor = self._lobby.enter(self._sock)
        return self._visitor

    def __exit__(self, *_: object) -> None:
        self._lobby.leave(self._visitor)
