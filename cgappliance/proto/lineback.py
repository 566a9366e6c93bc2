"""What the backs of POP3 and SMTP share: the order greeting, login, answer, and the SASL turns.

It may import its neighbours of ``proto``, ``model`` and the standard library. A protocol's own file turns lines into Replies and
knows which commands a login takes. The state of the dialogue is the method that takes the next reply.
"""

from __future__ import annotations

import abc
import enum
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cgappliance.model import Grant, MailProtocol, Reason
from cgappliance.proto.buffer import LineBuffer, TooLong
from cgappliance.proto.events import Accepted, BackEvent, Greeted, NeedData, Refused, Send
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.sasl import encode, error_challenge, fits_a_login, plain_response, xoauth2_response
from cgappliance.proto.text import said

CRLF = b"\r\n"


class Status(enum.Enum):
    """What a reply means for the step that waits for it."""

    DONE = "done"
    GO_ON = "go on"  #: a SASL challenge
    FAILED = "failed"  #: and all else that no step waits for


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of an upstream."""

    status: Status
    whole: bytes  #: all lines as they came, without the last CRLF
    texts: tuple[bytes, ...] = ()  #: of each line what stands behind the code; of GO_ON the challenge
    reason: Reason = Reason.UPSTREAM_PROTOCOL  #: what it means when the step cannot have it


class Garbled(Exception):
    """The upstream sent what is not a reply; the message, for the log, says what is wrong with the line and does not quote it."""


class LineBack(abc.ABC):
    """Gmail's side of a protocol of lines, up to the end of the login."""

    protocol: MailProtocol
    command_limit: int  #: octets of an AUTH command with initial response, its CRLF counted; beyond: two steps

    def __init__(self, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = LineBuffer()
        self._events: deque[BackEvent] = deque()
        self._on_reply: Callable[[Reply], None] = self._on_greeting
        self._answers: deque[bytes] = deque()  # what our side of the SASL exchange has still to say
        self._error: str | None = None  # of an error challenge; "" for a challenge that is none
        self._grant: Grant | None = None
        self._ready = False  # for login()
        self._end: Accepted | Refused | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes from the upstream; after a refusal they are dropped."""
        if not isinstance(self._end, Refused):
            self._buffer.feed(data)

    def next_event(self) -> BackEvent:
        """Return what to do next; after Refused always the same Refused."""
        self._read()
        if self._events:
            return self._events.popleft()
        return self._end if isinstance(self._end, Refused) else NeedData()

    def login(self, grant: Grant) -> None:
        """Start the login.

        Raises:
            RuntimeError: the upstream has not greeted, or a login was started before.
        """
        if not self._ready:
            raise RuntimeError("login() is allowed once, after Greeted")
        self._read()  # what was said before we asked is no answer to us
        if self._end is not None:
            return
        self._ready = False
        self._grant = grant
        self._on_reply = self._on_answer
        if not fits_a_login(grant):
            self._refuse(Reason.PROVIDER_FAILED, "not sent: the user name or secret holds a line break or NUL")
        else:
            self._start(grant)

    def unread(self) -> bytes:
        """Return, once, what came behind the final reply."""
        return self._buffer.unread()

    @abc.abstractmethod
    def _reply(self, line: bytes) -> Reply | None:
        """Return the reply that a line completes, or None when more lines belong to it.

        Raises:
            Garbled: the line is not of a reply.
        """

    @abc.abstractmethod
    def _start(self, grant: Grant) -> None:
        """Send the first command of the login."""

    def _on_greeting(self, reply: Reply) -> None:
        if self._is_done(reply):
            self._greeted()

    def _greeted(self) -> None:
        self._ready = True
        self._on_reply = self._on_unasked
        self._events.append(Greeted())

    def _on_unasked(self, reply: Reply) -> None:
        """End a connection where the upstream spoke before we asked: mostly a farewell to one that was kept warm too long."""
        self._refuse(reply.reason, reply.whole)

    def _on_answer(self, reply: Reply) -> None:
        """Take the answer to a command or a turn of the login."""
        if reply.status is Status.GO_ON:
            self._next_turn(reply)
        elif self._is_done(reply):
            self._accepted(reply)

    def _is_done(self, reply: Reply) -> bool:
        """Return whether the step is done; refuse when it is not."""
        if reply.status is Status.DONE and not self._answers and self._error is None:
            return True
        self._refuse(reply.reason, reply.whole)
        return False

    def _next_turn(self, reply: Reply) -> None:
        """Answer a challenge. One that tells of an error gets an empty line, and only then comes the refusal.

        Google's XOAUTH2 page and RFC 7628 section 3.2.3 have that turn. Behind our last answer any other challenge is cancelled.
        """
        error = error_challenge(reply.texts[0])
        if self._answers and error is None:
            self._send(self._answers.popleft())
        elif self._error is None:
            self._error = error or ""
            self._answers.clear()
            self._send(b"*" if error is None else b"")
        else:
            self._refuse(reply.reason, reply.whole)

    def _authenticate(self, mechanism: bytes, answers: Iterable[bytes], *, initial: bool = True) -> None:
        """Send AUTH with the first answer as its initial response, or without one where the line would be too long."""
        self._answers = deque(answers)
        command = b"AUTH " + mechanism
        if initial and len(command) + len(b" ") + len(self._answers[0]) + len(CRLF) <= self.command_limit:
            command += b" " + self._answers.popleft()
        self._send(command)

    def _accepted(self, reply: Reply) -> None:
        self._finish(Accepted(reply.whole))

    def _read(self) -> None:
        """Take lines until one leads to an event."""
        while not self._events and self._end is None:
            try:
                line = self._buffer.next_line(self._limits.reply_line)
            except TooLong:
                self._refuse(Reason.UPSTREAM_PROTOCOL, "sent a line that is too long")
                return
            if line is None:
                return
            try:
                self._take_line(line)
            except Garbled as garbled:
                self._refuse(Reason.UPSTREAM_PROTOCOL, f"{garbled}: ".encode() + line)

    def _take_line(self, line: bytes) -> None:
        """Hand a complete reply to the step that waits for it.

        Raises:
            Garbled: the line is not of a reply.
        """
        if b"\r" in line or b"\0" in line:
            raise Garbled("sent a line with control characters")
        reply = self._reply(line)
        if reply is not None:
            self._on_reply(reply)

    def _send(self, line: bytes) -> None:
        self._events.append(Send(line + CRLF))

    def _refuse(self, reason: Reason, words: bytes | str) -> None:
        """End with what the upstream said, our secrets masked, the error of its challenge behind it."""
        text = words if isinstance(words, str) else said(words.replace(CRLF, b" "), self._secret_forms())
        if self._error:
            text += " " + said(self._error.encode(), self._secret_forms())
        self._buffer.unread()
        self._finish(Refused(reason, text))

    def _finish(self, end: Accepted | Refused) -> None:
        """Remember how it ended and let go of the credential."""
        self._end = end
        self._events.append(end)
        self._ready = False
        self._grant = None
        self._answers.clear()

    def _secret_forms(self) -> tuple[str, ...]:
        """Return the forms in which the secret went over the wire; made when needed, so that no copies lie about."""
        if self._grant is None:
            return ()
        secret = self._grant.secret.reveal()
        encoded = (xoauth2_response(self._grant), plain_response(self._grant), encode(secret.encode()))
        return (secret, *(form.decode("ascii") for form in encoded))
