"""The one place that knows all rooms: it turns an accepted socket into a running relay, or into nothing.

``Handler`` belongs to a listener (one tenant, one protocol), ``Connection`` to a client; the latter is what ``session/login.py``
sees of the outside. Plugins are called here, fenced: one that raises or hangs fails this login and no other.
"""

from __future__ import annotations

import _socket
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, TypeVar
from weakref import WeakSet

import gevent
from gevent.event import Event

from cgappliance import log, metrics
from cgappliance.errors import Dismissed, LoginFailed, PeerGone
from cgappliance.model import AuthAnswer, Credentials, Grant, GrantMechanism, MailProtocol, Outcome, Peer, Reason, Tenant
from cgappliance.net.accept import accept_tls, read_proxy_header
from cgappliance.net.deadline import deadline
from cgappliance.net.dial import Dialer
from cgappliance.net.health import Health, Part
from cgappliance.net.lobby import Lobby, Visitor
from cgappliance.net.places import Place, Places
from cgappliance.net.relay import End, Relay, Summary
from cgappliance.net.sessions import Sessions
from cgappliance.net.stream import TlsStream
from cgappliance.net.tls import ALPN
from cgappliance.net.tracing import Traces
from cgappliance.net.warm import WarmPool
from cgappliance.plugin_api import AuthBackend, CredentialProvider
from cgappliance.plugins import BROKEN
from cgappliance.policy.decide import decide
from cgappliance.policy.pace import RefusalPace
from cgappliance.proto.events import Back, Farewell, Front
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.pop3.front import Pop3Front
from cgappliance.proto.replies import farewell
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.proto.smtp.front import SmtpFront
from cgappliance.secret import Secret
from cgappliance.session import login, mailbox
from cgappliance.session.ports import Attempt, Guard, Mailbox, Standing, Stream, nothing_to_settle
from cgappliance.session.record import LoginRecord, Recorder, SessionEnd

_log = log.get()

Result = TypeVar("Result")

#: What a login over a connection that was kept ready may fail with when the upstream had just closed it.
CLOSED_MEANWHILE: Final = frozenset({Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_TEMPORARY})

PROXY_HEADER_TIMEOUT_S: Final = 3.0  #: the PROXY protocol's text asks for at least three seconds

_process_id = os.urandom(4).hex()
_connection_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of a connection may take, in seconds."""

    handshake_s: float = 10.0
    command_s: float = 60.0  #: between two things that a client says before login
    login_s: float = 180.0  #: from the handshake to a successful login, time spent by others not counted
    directory_s: float = 10.0
    token_s: float = 10.0
    upstream_s: float = 30.0


class Uses:
    """Counts the logins that are using a tenant's plugins; ``none`` is set while there are none."""

    __slots__ = ("_count", "none")

    def __init__(self) -> None:
        self._count = 0
        self.none = Event()
        self.none.set()

    def enter(self) -> None:
        """Begin a use."""
        self._count += 1
        self.none.clear()

    def leave(self) -> None:
        """End a use."""
        self._count -= 1
        if not self._count:
            self.none.set()


class Waiting:
    """The clients of a listener that have not logged in and are not about to: those who can be sent away at once."""

    __slots__ = ("_dismissing", "_greenlets")

    def __init__(self) -> None:
        self._greenlets: set[gevent.Greenlet] = set()
        self._dismissing = False

    @contextmanager
    def here(self) -> Iterator[None]:
        """Surround a wait for a client's command.

        Raises:
            Dismissed: the client is to leave.
        """
        if self._dismissing:
            raise Dismissed
        greenlet = gevent.getcurrent()
        self._greenlets.add(greenlet)
        try:
            yield
        finally:
            self._greenlets.discard(greenlet)

    def dismiss(self) -> None:
        """Send them away with the proper bye, now, and those that are busy with a login if it fails. Does not block."""
        self._dismissing = True
        for greenlet in self._greenlets:
            greenlet.kill(Dismissed(), block=False)

    @property
    def dismissing(self) -> bool:
        """Whether nobody may come in any more."""
        return self._dismissing

    def adopt(self, other: Waiting) -> None:
        """Take over the clients of a listener that this one's has replaced."""
        # one set for all, and it is the oldest: it counts for those that stand inside the ``here`` of any listener before
        other._greenlets |= self._greenlets
        self._greenlets = other._greenlets


@dataclass(frozen=True, slots=True)
class House:
    """What the connections of all tenants of a process share: who is in, and how many may be."""

    lobby: Lobby
    places: Places
    sessions: Sessions
    traces: Traces


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all listeners of one tenant share; replaced as a whole when the tenant's file changes."""

    tenant: Tenant
    house: House
    max_sessions: int
    max_sessions_per_account: int
    backend: AuthBackend
    provider: CredentialProvider
    standing_of: Callable[[str], Standing]  #: by mail address; must not block
    guard: Guard
    admit: Callable[[str, str], Reason]  #: mail address and identity of an accepted login; ACCEPTED or NO_SEAT; may block
    recorder: Recorder
    pace: RefusalPace
    timeouts: Timeouts
    uses: Uses
    health: Health
    gmail_took: Callable[[str, Secret], None] = nothing_to_settle  #: mail address and password; must not block


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
            with _visit(self.around.house.lobby, sock) as visitor:
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
            with self._closing_on_failure(stream):
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
            with self._closing_on_failure(stream):
                opened = mailbox.log_in(stream, back, grant)
        except LoginFailed as failure:
            self._note_upstream(failure)
            raise
        self.around.health.note(Part.UPSTREAM, Reason.ACCEPTED, which=self.protocol.value)
        return opened

    @contextmanager
    def _closing_on_failure(self, stream: Stream) -> Iterator[None]:
        """Bound a dialogue with the upstream; whatever ends it early closes the stream and is a LoginFailed."""
        timeout_s = self.around.timeouts.upstream_s
        server = self.dialer.tls.server
        timer = gevent.Timeout(timeout_s)
        try:
            with timer:
                yield
        except gevent.Timeout as error:
            stream.close(goodbye=False)
            if error is not timer:
                raise
            raise LoginFailed(Reason.UPSTREAM_TIMEOUT, f"{server}: no answer within {timeout_s:g} s") from error
        except PeerGone as error:
            stream.close(goodbye=False)
            raise LoginFailed(Reason.UPSTREAM_UNAVAILABLE, f"{server}: {error}") from error
        except BaseException:
            stream.close(goodbye=False)
            raise

    def learn(self, opened: Mailbox) -> None:
        """Remember what a successful login taught about the upstream: its EHLO keywords, its TLS session."""
        if opened.accepted.ehlo:
            self._ehlo = opened.accepted.ehlo


class Connection:
    """One client: the ports of its login, and what becomes of it afterwards."""

    def __init__(self, handler: Handler, client: TlsStream, peer: Peer, visitor: Visitor, tls_ms: float) -> None:
        """Serve a client that has shaken hands, which took ``tls_ms`` milliseconds."""
        self._handler = handler
        self._around = handler.around  # of the attempt under way: a reload may change the handler's
        self._using: Uses | None = None
        self._client = client
        self._peer = peer
        self._visitor = visitor
        self._tls_ms: float | None = tls_ms  # until the first attempt, which it is told with
        self._place: Place | None = None
        self._front = handler.front()
        self._id = f"{_process_id}-{next(_connection_numbers):x}"
        self._trace = handler.around.house.traces.connection(self._id, handler.around.tenant.id, handler.protocol)
        self._was_warm = False
        self._login_left_s = handler.around.timeouts.login_s
        self._record: LoginRecord | None = None
        self._judged_by: tuple[Surroundings, Standing] | None = None

    def serve(self) -> bool:
        """Log the client in and start its relay; return True when the relay has taken over the client's stream. Blocks."""
        relayed = False
        try:
            client: Stream = self._client if self._trace is None else self._trace.around_client(self._client)
            opened = login.run(client, self._front, self)
            if opened is None or self._record is None:
                return False
            assert isinstance(opened.stream, TlsStream)  # noqa: S101 - upstream() below makes no other
            relay = Relay(self._client, opened.stream, self._ended)
            self._around.house.sessions.add(self._record, relay)
            relayed = True
            if self._trace is not None:
                self._trace.attach(relay)
            relay.start(self._front.unread(), opened.back.unread())
            if self._is_withdrawn(self._record):
                relay.end(End.KICKED, "access was withdrawn during the login", farewell(self._handler.protocol, Farewell.SHUTDOWN))
            return True
        finally:
            self._leave()
            if not relayed:
                self._give_place_back()
                self._end_unheard()

    def _end_unheard(self) -> None:
        """Close the row of an accepted login whose client was gone before it could hear so."""
        if self._record is not None:
            end = SessionEnd(End.CLIENT_LOST.value, "gone before it heard that it may come in", 0, 0, 0.0)
            self._around.recorder.ended(self._record, end)

    def _is_withdrawn(self, record: LoginRecord) -> bool:
        """Tell whether the tenant, or what it permits, changed while the login was under way.

        Whoever withdrew it has ended the sessions that there were; this one was none yet.
        """
        if self._handler.waiting.dismissing:
            return True
        around = self._handler.around
        standing = around.standing_of(record.address)
        return self._judged_by != (around, standing) and self._judge(around, standing, record.address) is not Reason.ACCEPTED

    def _judge(self, around: Surroundings, standing: Standing, login: Credentials | str) -> Reason:
        """Return policy's verdict, and remember what it was made of."""
        self._judged_by = (around, standing)
        return decide(
            around.tenant,
            standing.profile,
            login,
            self._handler.protocol,
            peer_ip=self._peer.address,
            now=datetime.now(UTC),
            enabled=standing.enabled,
        )

    def _ended(self, summary: Summary) -> None:
        assert self._record is not None  # noqa: S101 - a relay is only made with a record
        self._around.house.sessions.remove(self._record)
        self._give_place_back()
        end = SessionEnd(summary.end.value, summary.detail, summary.bytes_up, summary.bytes_down, summary.seconds)
        self._around.recorder.ended(self._record, end)

    # ---- the ports of session/login.py, in call order

    def next_data(self, client: Stream) -> bytes:
        """Read from the client, within what is left of its time."""
        started = time.monotonic()
        allowed = max(0.0, min(self._around.timeouts.command_s, self._login_left_s))
        self._visitor.idle = True
        try:
            with self._handler.waiting.here(), deadline(allowed, "login"):
                data = client.recv()
        finally:
            self._visitor.idle = False
        self._login_left_s -= time.monotonic() - started
        return data

    def begin(self, credentials: Credentials) -> Attempt:
        """Start the clock of an attempt, by the tenant file of this moment."""
        self._around = self._handler.around
        self._using = self._around.uses
        self._using.enter()
        if self._trace is not None:
            self._trace.belongs_to(credentials.address)
        phases_ms = {} if self._tls_ms is None else {"tls": self._tls_ms}
        self._tls_ms = None
        return Attempt(credentials, time.monotonic(), phases_ms=phases_ms)

    def decide(self, attempt: Attempt) -> Reason:
        """Ask policy."""
        with _phase(attempt, "policy"):
            return self._judge(self._around, self._around.standing_of(attempt.credentials.address), attempt.credentials)

    def authenticate(self, attempt: Attempt) -> AuthAnswer:
        """Have the guard ask the tenant's directory, if it must."""
        around = self._around
        asked = False

        def ask() -> AuthAnswer:
            nonlocal asked
            asked = True
            return self._ask_directory(attempt)

        with _phase(attempt, "directory"):
            tenant = around.tenant.id
            answer = around.guard.authenticate(
                tenant,
                attempt.credentials,
                self._peer.address,
                ask,
                around.timeouts.directory_s,
                version=around.tenant.fingerprint,
            )
            if answer.accepted:
                answer = self._admitted(attempt, answer)
        metrics.PASSWORD_CHECKS.add(tenant, "directory" if asked else "memory")
        return answer

    def _admitted(self, attempt: Attempt, answer: AuthAnswer) -> AuthAnswer:
        """Let a first login take one of the tenant's seats, before Google is asked for anything."""
        reason = self._around.admit(attempt.credentials.address, answer.identity)
        return answer if reason is Reason.ACCEPTED else AuthAnswer(reason, f"{self._around.tenant.seats} seats", answer.identity)

    def _ask_directory(self, attempt: Attempt) -> AuthAnswer:
        timeout_s = self._around.timeouts.directory_s
        started = time.monotonic()
        try:
            answer = _fenced(timeout_s, lambda: self._around.backend.authenticate(attempt.credentials, timeout_s), AuthAnswer)
        except LoginFailed as failure:
            answer = AuthAnswer(failure.reason, failure.detail)
        except gevent.Timeout:
            answer = AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no answer within {timeout_s:g} s")
        except _PluginBroke as broke:
            self._plugin_failed(attempt, "auth", broke)
            answer = AuthAnswer(Reason.BACKEND_FAILED, str(broke))
        now = time.monotonic()
        if answer.reason.outcome is Outcome.REFUSED:
            self._around.pace.observe(now - started, now)
        self._around.health.note(Part.DIRECTORY, answer.reason, answer.detail)
        return answer

    def admit(self, attempt: Attempt) -> None:
        """Take a place among the account's sessions."""
        around = self._around
        place = around.house.places.take(
            around.tenant.id,
            attempt.credentials.address,
            of_tenant=around.max_sessions,
            of_account=around.max_sessions_per_account,
        )
        if isinstance(place, str):
            raise LoginFailed(Reason.CONNECTION_LIMIT, f"limit {place}")
        self._place = place

    def grant(self, attempt: Attempt, *, fresh: bool) -> Grant:
        """Ask the tenant's credential provider."""
        try:
            grant = self._ask_provider(attempt, fresh=fresh)
        except LoginFailed as failure:
            self._around.health.note(Part.TOKEN, failure.reason, failure.detail)
            raise
        if not grant.from_cache:
            self._around.health.note(Part.TOKEN, Reason.ACCEPTED)
        metrics.TOKENS.add(self._around.tenant.id, "kept" if grant.from_cache else "new")
        return replace(grant, username=f"recent:{grant.username}") if attempt.credentials.recent else grant

    def _ask_provider(self, attempt: Attempt, *, fresh: bool) -> Grant:
        timeout_s = self._around.timeouts.token_s
        address, protocol = attempt.credentials.address, self._handler.protocol
        provider = self._around.provider
        with _phase(attempt, "token"):
            try:
                return _fenced(timeout_s, lambda: provider.grant(address, protocol, fresh=fresh, timeout_s=timeout_s), Grant)
            except gevent.Timeout as error:
                raise LoginFailed(Reason.TOKEN_UNAVAILABLE, f"no answer within {timeout_s:g} s") from error
            except _PluginBroke as broke:
                self._plugin_failed(attempt, "google", broke)
                raise LoginFailed(Reason.PROVIDER_FAILED, str(broke)) from broke

    def upstream(self, attempt: Attempt) -> tuple[Stream, Back]:
        """Take a connection that is ready, or dial Gmail and let it greet."""
        with _phase(attempt, "upstream"):
            ready = self._handler.warm.take()
            self._was_warm = ready is not None
            source = "warm" if self._was_warm else "new"
            metrics.UPSTREAM_CONNECTIONS.add(self._around.tenant.id, self._handler.protocol.value, source)
            return ready or self._handler.open_upstream()

    def log_in(self, attempt: Attempt, stream: Stream, back: Back, grant: Grant) -> Mailbox:
        """Log in at Gmail."""
        with _phase(attempt, "upstream"):
            try:
                opened = self._log_in_once(stream, back, grant)
            except LoginFailed as failure:
                if not self._was_warm or failure.reason not in CLOSED_MEANWHILE:
                    raise
                stream, back = self._handler.open_upstream()  # its farewell crossed our login: that says nothing of Gmail
                opened = self._log_in_once(stream, back, grant)
        if isinstance(stream, TlsStream):
            self._handler.dialer.tls.remember(stream.tls)
        self._handler.learn(opened)
        if grant.mechanism is GrantMechanism.PASSWORD:
            self._around.gmail_took(attempt.credentials.address, grant.secret)
        return opened

    def _log_in_once(self, stream: Stream, back: Back, grant: Grant) -> Mailbox:
        if self._trace is None:
            return self._handler.log_in(stream, back, grant)
        return replace(self._handler.log_in(self._trace.around_gmail(stream), back, grant), stream=stream)

    def finished(self, attempt: Attempt) -> None:
        """Record the attempt; a refused one returns when its time is up."""
        self._leave()
        record = self._record_of(attempt)
        if attempt.reason is not Reason.ACCEPTED:
            self._give_place_back()
        self._around.recorder.login(record)
        if attempt.reason is Reason.ACCEPTED:
            self._record = record
        if attempt.reason.outcome is Outcome.REFUSED:
            now = time.monotonic()
            gevent.sleep(max(0.0, attempt.started_at + self._around.pace.delay_s(now) - now))

    # ---- helpers

    def _leave(self) -> None:
        if self._using is not None:
            self._using.leave()
            self._using = None

    def _give_place_back(self) -> None:
        if self._place is not None:
            self._around.house.places.give_back(self._place)
            self._place = None

    def _record_of(self, attempt: Attempt) -> LoginRecord:
        return LoginRecord(
            session=self._id,
            tenant=self._around.tenant.id,
            protocol=self._handler.protocol,
            local_port=self._handler.port,
            peer=self._peer,
            tls_version=self._client.tls.version() or "",
            client=self._front.client_id,
            login=attempt.credentials.login,
            address=attempt.credentials.address,
            reason=attempt.reason,
            detail=attempt.detail,
            identity=attempt.identity,
            upstream_mechanism=attempt.mechanism.value if attempt.mechanism else "",
            expires_in_s=attempt.expires_in_s,
            phases_ms=attempt.phases_ms,
            total_ms=(time.monotonic() - attempt.started_at) * 1000,
        )

    def _plugin_failed(self, attempt: Attempt, table: str, broke: _PluginBroke) -> None:
        _log.error(
            "plugin.failed",
            tenant=self._around.tenant.id,
            table=table,
            conn=self._id,
            login=attempt.credentials.login,
            detail=str(broke),
        )


class _PluginBroke(Exception):
    """A plugin raised, or returned what its contract does not know. Says where, not what: the text might hold a secret."""


def _fenced(timeout_s: float, call: Callable[[], Result], expected: type[Result]) -> Result:
    """Run a plugin's method under a time-out that it cannot catch by ``except Exception``, and check what it returns.

    Raises:
        gevent.Timeout: it took too long.
        LoginFailed: as its contract allows.
        _PluginBroke: anything else.
    """
    try:
        with gevent.Timeout(timeout_s):
            result = call()
    except LoginFailed:
        raise
    except BROKEN as error:  # a plugin can raise anything, and it is its tenant's problem alone
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown place"
        raise _PluginBroke(f"{type(error).__name__} at {place}") from None
    if not isinstance(result, expected):
        raise _PluginBroke(f"returned {type(result).__name__}, not {expected.__name__}")
    return result


@contextmanager
def _visit(lobby: Lobby, sock: _socket.socket) -> Iterator[Visitor]:
    """Surround what a client does until it is relayed or gone."""
    visitor = lobby.enter(sock)
    try:
        yield visitor
    finally:
        lobby.leave(visitor)


@contextmanager
def _phase(attempt: Attempt, name: str) -> Iterator[None]:
    """Add the block's milliseconds to the attempt's phase."""
    started = time.perf_counter()
    try:
        yield
    finally:
        spent_ms = (time.perf_counter() - started) * 1000
        attempt.phases_ms[name] = attempt.phases_ms.get(name, 0.0) + spent_ms
