"""One client from its handshake to its relay: ``Connection`` is what ``session/login.py`` sees of the outside, in call order.

Plugins are asked by ``consult.py``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import gevent

from cgappliance import metrics
from cgappliance.errors import LoginFailed
from cgappliance.model import AuthAnswer, Credentials, Grant, GrantMechanism, Outcome, Peer, Reason
from cgappliance.net.consult import ask_directory, ask_provider
from cgappliance.net.deadline import deadline
from cgappliance.net.lobby import Visitor
from cgappliance.net.places import Place
from cgappliance.net.relay import End, Relay
from cgappliance.net.relayed import Relayed
from cgappliance.net.stream import TlsStream
from cgappliance.net.surroundings import Surroundings, Uses
from cgappliance.policy.decide import decide
from cgappliance.proto.events import Back, Farewell
from cgappliance.proto.replies import farewell
from cgappliance.session import login
from cgappliance.session.ports import Attempt, Mailbox, Standing, Stream
from cgappliance.session.record import LoginRecord, SessionEnd

if TYPE_CHECKING:
    from cgappliance.net.handler import Handler

#: What a login over a connection that was kept ready may fail with when the upstream had just closed it.
CLOSED_MEANWHILE: Final = frozenset({Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_TEMPORARY})


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
        self._id = next(handler.around.house.connection_ids)
        self._trace = handler.around.house.traces.connection(self._id, handler.around.tenant.id, handler.protocol)
        self._was_warm = False
        self._login_left_s = handler.around.timeouts.login_s
        self._record: LoginRecord | None = None
        self._judged_by: tuple[Surroundings, Standing] | None = None

    def serve(self) -> bool:
        """Log the client in and start its relay; return True when the relay has taken over the client's stream. Blocks."""
        is_relayed = False
        try:
            client: Stream = self._client if self._trace is None else self._trace.around_client(self._client)
            opened = login.run(client, self._front, self)
            if opened is None or self._record is None:
                return False
            assert isinstance(opened.stream, TlsStream)  # noqa: S101 - upstream() below makes no other
            relayed = Relayed(self._around.house, self._around.recorder, self._record, self._place)
            relay = Relay(self._client, opened.stream, relayed.ended)
            self._around.house.sessions.add(self._record, relay)
            is_relayed = True
            if self._trace is not None:
                self._trace.attach(relay)
            relay.start(self._front.unread(), opened.back.unread())
            if self._is_withdrawn(self._record):
                relay.end(End.KICKED, "access was withdrawn during the login", farewell(self._handler.protocol, Farewell.SHUTDOWN))
            return True
        finally:
            self._leave()
            if not is_relayed:
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

    # ---- the ports of session/login.py, in call order

    def next_data(self, client: Stream) -> bytes:
        """Read from the client, within what is left of its time."""
        started = time.monotonic()
        allowed = max(0.0, min(self._around.timeouts.command_s, self._login_left_s))
        self._visitor.idle = True
        try:
            with self._handler.waiting, deadline(allowed, "login"):
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
            return ask_directory(around, attempt.credentials, self._id)

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
        with _phase(attempt, "token"):
            grant = ask_provider(self._around, attempt.credentials, self._handler.protocol, self._id, fresh=fresh)
        metrics.TOKENS.add(self._around.tenant.id, "kept" if grant.from_cache else "new")
        return replace(grant, username=f"recent:{grant.username}") if attempt.credentials.recent else grant

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


class _phase:  # noqa: N801 - used like a function; a generator would cost each login 10 us more
    """Adds the ``with`` block's milliseconds to the attempt's phase."""

    __slots__ = ("_attempt", "_name", "_started")

    def __init__(self, attempt: Attempt, name: str) -> None:
        self._attempt = attempt
        self._name = name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent_ms = (time.perf_counter() - self._started) * 1000
        phases_ms = self._attempt.phases_ms
        phases_ms[self._name] = phases_ms.get(self._name, 0.0) + spent_ms
