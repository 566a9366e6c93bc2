"""What the fronts of POP3 and SMTP share: both have one command a line and the same SASL turns, in different words.

It may import its neighbours of ``proto`` and ``model``. It knows the order of things (budgets, SASL exchange, one pending login,
how it ends); a protocol's own file knows its commands and its words.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

from cgappliance.model import Credentials, MailProtocol, Reason
from cgappliance.proto import replies
from cgappliance.proto.buffer import LineBuffer, TooLong
from cgappliance.proto.events import Accepted, Close, Farewell, FrontEvent, LoginAttempt, NeedData, Send
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.sasl import (
    MECHANISMS,
    TOKEN_MECHANISMS,
    Cancelled,
    Challenge,
    Malformed,
    Mechanism,
    client_token,
    decode,
    decode_initial,
    encode,
)

CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Words:
    """How one protocol says what both have to say. All without CRLF; ``challenge`` goes before base64."""

    challenge: bytes
    cancelled: bytes
    malformed: bytes
    unknown_mechanism: bytes
    line_too_long: bytes
    answer_too_long: bytes
    too_many_commands: bytes
    too_many_bad_commands: bytes
    too_many_tries: bytes  #: behind the last refusal; b"" where the protocol has nothing to say before it closes


class LineFront(abc.ABC):
    """The client's side of a protocol with one command a line, before login."""

    protocol: MailProtocol
    words: Words

    def __init__(self, line_limit: int, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        """Make a front.

        Args:
            line_limit: octets that a command may have, its line end counted.
            limits: what the connection may cost otherwise.
        """
        self.client_id = ""
        self._line_limit = line_limit
        self._limits = limits
        self._buffer = LineBuffer()
        self._mechanism: Mechanism | None = None  # of the SASL exchange that is under way
        self._answers: list[bytes] = []
        self._commands = self._bad_commands = self._tries = 0
        self._login_pending = False
        self._accepted = False
        self._closing: Close | None = None

    @abc.abstractmethod
    def greeting(self) -> bytes:
        """Return the first bytes of the server."""

    @abc.abstractmethod
    def _command(self, verb: bytes, argument: bytes) -> FrontEvent:
        """Return what a command leads to; ``verb`` is upper case, ``argument`` all behind the first space."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; once the connection is to close, they are dropped."""
        if self._closing is None:
            self._buffer.feed(data)

    def next_event(self) -> FrontEvent:
        """Return what to do next; after a Close always the same Close."""
        if self._closing is not None:
            return self._closing
        if self._login_pending or self._accepted:
            return NeedData()
        try:
            line = self._next_line()
        except TooLong:
            return self._too_long()
        if line is None:
            return NeedData()
        return self._counted_command(line) if self._mechanism is None else self._answer(self._mechanism, line)

    def refuse(self, reason: Reason) -> bytes:
        """Return the answer to the pending login. The last try, and an outcome that says so, arm a Close."""
        self._end_login()
        self._tries += 1
        if replies.ends_connection(self.protocol, reason):
            self._close(b"", reason.value)
        elif self._tries >= self._limits.login_tries:
            self._close(self.words.too_many_tries, "too_many_tries")
        return replies.refusal(self.protocol, reason) + CRLF

    def accept(self, accepted: Accepted) -> bytes:
        """Return the upstream's own words."""
        self._end_login()
        self._accepted = True
        return accepted.final + CRLF

    def unread(self) -> bytes:
        """Return, once, what the client sent behind its login."""
        return self._buffer.unread()

    def bye(self, farewell: Farewell) -> bytes:
        """Return the last words for a connection that the appliance ends."""
        return replies.farewell(self.protocol, farewell)

    def _next_line(self) -> bytes | None:
        """Return the next line; only a command that may carry an initial response may be as long as a SASL answer.

        RFC 4954 section 4 and RFC 5034 section 4 want the short limit for AUTH too, but Google documents the one-line form for
        tokens of any length and clients send it: such a login is to be refused, and seen in the history, as what it is.

        Raises:
            TooLong: the line is longer than allowed.
        """
        line = self._buffer.next_line(self._limits.sasl_line)
        if line is None or self._mechanism is not None:
            return line
        if len(line) + len(CRLF) > self._line_limit and line[:5].upper() != b"AUTH ":
            raise TooLong
        return line

    def _counted_command(self, line: bytes) -> FrontEvent:
        self._commands += 1
        if self._commands > self._limits.commands:
            return self._close(self.words.too_many_commands, "too_many_commands")
        verb, _, argument = line.partition(b" ")
        return self._command(verb.upper(), argument)

    def _too_long(self) -> FrontEvent:
        if self._mechanism is not None:
            return self._bad(self.words.answer_too_long)
        self._commands += 1
        return self._bad(self.words.line_too_long)

    def _start_sasl(self, argument: bytes) -> FrontEvent:
        """Begin the exchange of ``AUTH mechanism [initial-response]``; ``argument`` holds more than spaces."""
        name, _, initial = argument.strip(b" ").partition(b" ")
        mechanism = name.decode("ascii", "replace").upper()
        initial = initial.lstrip(b" ")
        if mechanism in TOKEN_MECHANISMS:
            return self._attempt(client_token(mechanism, initial, self.protocol))
        if mechanism not in MECHANISMS:
            return self._say(self.words.unknown_mechanism)
        self._mechanism = MECHANISMS[mechanism]
        try:
            if initial:
                self._answers.append(decode_initial(initial))
            return self._advance_sasl(self._mechanism)
        except Malformed:
            return self._bad(self.words.malformed)

    def _answer(self, mechanism: Mechanism, line: bytes) -> FrontEvent:
        """Take the client's answer to a challenge."""
        try:
            self._answers.append(decode(line))
            return self._advance_sasl(mechanism)
        except Cancelled:
            self._end_sasl()
            return self._say(self.words.cancelled)
        except Malformed:
            return self._bad(self.words.malformed)

    def _advance_sasl(self, mechanism: Mechanism) -> FrontEvent:
        """Return the next challenge or the login.

        Raises:
            Malformed: an answer is not of the mechanism's grammar.
        """
        outcome = mechanism(self._answers, self.protocol)
        if isinstance(outcome, Challenge):
            return self._say(self.words.challenge + encode(outcome.data))
        return self._attempt(outcome)

    def _end_sasl(self) -> None:
        self._mechanism = None
        self._answers = []

    def _attempt(self, credentials: Credentials) -> LoginAttempt:
        self._end_sasl()
        self._login_pending = True
        return LoginAttempt(credentials)

    def _end_login(self) -> None:
        if not self._login_pending:
            raise RuntimeError("no login waits for an answer")
        self._login_pending = False

    def _bad(self, reply: bytes) -> FrontEvent:
        """Answer what is no proper command or answer; too many of them end the connection."""
        self._end_sasl()
        self._bad_commands += 1
        if self._bad_commands >= self._limits.bad_commands:
            return self._close(self.words.too_many_bad_commands, "too_many_bad_commands")
        return self._say(reply)

    def _say(self, reply: bytes) -> Send:
        return Send(reply + CRLF)

    def _close(self, reply: bytes, why: str) -> Close:
        """Remember that nothing follows these last words (maybe none), and let go of what came behind."""
        self._closing = Close(reply + CRLF if reply else b"", why)
        self._buffer.unread()
        return self._closing
