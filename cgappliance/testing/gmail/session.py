"""What a session of any of the three protocols has in common: greeting, faults, the outcome of a login, the end.

This file knows when things happen; ``pop3.py``, ``smtp.py`` and ``imap/`` know how they are said.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from typing import ClassVar, NoReturn

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.login import Decision, by_password, by_token, named_account
from cgappliance.testing.gmail.records import LoginRecord
from cgappliance.testing.gmail.sasl import Bearer, Plain
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import Fault, FaultKind, Refusal, Stage
from cgappliance.testing.gmail.tls import ServerTls
from cgappliance.testing.gmail.wire import Hangup, Wire

KEPT_COMMANDS = 1000  #: verbs kept per connection


class SessionExpired(Exception):
    """Raised in a session's greenlet when its token's life is over."""


class Interrupted(Exception):
    """Raised in a session's greenlet when a test wants it to end now, and how."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Session(ABC):
    """One client's session. Subclasses say ``greet``, ``serve``, ``farewell`` and ``farewell_expired``."""

    protocol: ClassVar[MailProtocol]
    farewell: ClassVar[bytes]  #: the server ends the connection of its own accord
    farewell_expired: ClassVar[bytes]  #: the token's life is over
    farewell_overquota: ClassVar[bytes]  #: too many bytes

    def __init__(self, state: GmailState, wire: Wire) -> None:
        self.state = state
        self.wire = wire
        self.id = secrets.token_hex(8)  #: Google's opaque connection id
        self.account: Account | None = None
        self.recent = False
        self.expires_at: float | None = None

    @abstractmethod
    def greet(self) -> None:
        """Send the greeting."""

    @abstractmethod
    def serve(self) -> None:
        """Answer commands until the client leaves (return) or is gone (Hangup)."""

    def run(self, tls: ServerTls) -> None:
        """Serve the client to the end, and close; the connection's record says why it ended."""
        try:
            self._serve_until_interrupted(tls)
            self.wire.record.closed = "quit"
        except Hangup as why:
            self.wire.record.closed = str(why)
        finally:
            if self.account is not None:
                self.state.live[(self.protocol, self.account.id)] -= 1
            self.wire.close()

    def _serve_until_interrupted(self, tls: ServerTls) -> None:
        try:
            self.reach(Stage.ACCEPT)
            self.wire.start_tls(tls)
            self.reach(Stage.GREETING)
            self.greet()
            self.reach(Stage.GREETED)
            self.serve()
        except SessionExpired:
            self._part(self.farewell_expired, "session expired")
        except Interrupted as order:
            self._suffer(Fault(order.kind, Stage.SESSION))

    def reach(self, stage: Stage, account: Account | None = None) -> None:
        """Let happen what is planned for this moment, for all clients of the server or for ``account``'s.

        Raises:
            Hangup: the connection is over.
        """
        faults = self.state.servers[self.protocol].faults + (account.switches.faults if account else [])
        for fault in faults:
            if fault.stage is stage and fault.times != 0 and self.wire.sent_since_login >= fault.after_bytes:
                self._suffer(fault)

    def note_command(self, verb: str) -> None:
        """Keep a command's verb for the record."""
        if len(self.wire.record.commands) < KEPT_COMMANDS:
            self.wire.record.commands.append(verb)

    def try_login(self, mechanism: str, message: Plain | Bearer) -> Refusal | None:
        """Decide a login; returns None when the client is in, else why it is not.

        Raises:
            Hangup: a fault was planned for this moment.
        """
        self.reach(Stage.LOGIN, named_account(self.state, self.protocol, message.username))
        if isinstance(message, Plain):
            decision = by_password(self.state, self.protocol, message.username, message.password)
        else:
            decision = by_token(self.state, self.protocol, message.username, message.token)
        outcome = decision.refusal or "ok"
        self.wire.record.logins.append(LoginRecord(mechanism, message.username, str(outcome), self.state.clock.now()))
        if decision.refusal is None:
            self._let_in(decision)
        return decision.refusal

    def send(self, data: bytes) -> None:
        """Write to the client; after a login this is where the account's byte limits and planned faults come in.

        Raises:
            Hangup: the connection is over.
        """
        if self.account is None:
            self.wire.send(data)
            return
        for start in range(0, len(data), 65536):
            self.wire.send(data[start : start + 65536])
            self.reach(Stage.SESSION, self.account)
            limit = self.account.switches.overquota_after_bytes
            if limit is not None and self.wire.sent_since_login >= limit:
                self._part(self.farewell_overquota, "overquota")

    def is_over(self) -> bool:
        """True when the session's token has come to its end."""
        return self.expires_at is not None and self.state.clock.now() >= self.expires_at

    def _let_in(self, decision: Decision) -> None:
        self.account, self.recent = decision.account, decision.recent
        assert self.account is not None
        self.state.live[(self.protocol, self.account.id)] += 1
        ends = [] if decision.expires_at is None else [decision.expires_at]
        if self.account.switches.session_lifetime_s is not None:
            ends.append(self.state.clock.now() + self.account.switches.session_lifetime_s)
        self.expires_at = min(ends, default=None)
        self.wire.logged_in()
        self.state.clock.poke()

    def _suffer(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
        if fault.kind is FaultKind.BYE:
            self._part(self.farewell, "fault: bye")
        self.wire.suffer(fault)

    def _part(self, words: bytes, why: str) -> NoReturn:
        self.wire.send(words)
        raise Hangup(why)
