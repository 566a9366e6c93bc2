"""Fakes for a login: a client's stream, a front and a back of one-word lines, and ports that note in which order they are asked.

The protocol is made up, so that these tests know the order of a login and nothing of IMAP, POP3 or SMTP: a client says ``login``,
``hello``, ``quit``; whatever it says behind ``login`` is for the upstream.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cgappliance.errors import LoginFailed, PeerGone
from cgappliance.model import AuthAnswer, Credentials, Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto.events import (
    Accepted,
    BackEvent,
    Close,
    Farewell,
    FrontEvent,
    Greeted,
    LoginAttempt,
    NeedData,
    Refused,
    Send,
)
from cgappliance.secret import Secret
from cgappliance.session.ports import Attempt, Mailbox, Stream

YUKI = Credentials("yuki@acme.example", "yuki@acme.example", Secret("pw"), "LOGIN")
TOKEN = Grant(GrantMechanism.XOAUTH2, "yuki@acme.example", Secret("token"))
ACCEPTED = Accepted(b"welcome")


class FakeStream:
    """What is read stands in ``script``: bytes, or an exception to raise; after it comes the end."""

    def __init__(self, *script: bytes | Exception) -> None:
        self.script = list(script)
        self.sent: list[bytes] = []
        self.closed = False
        self.broken = False  # writing fails

    def recv(self) -> bytes:
        step = self.script.pop(0) if self.script else b""
        if isinstance(step, Exception):
            raise step
        return step

    def sendall(self, data: bytes) -> None:
        if self.broken:
            raise PeerGone("reset")
        self.sent.append(data)

    def close(self, *, goodbye: bool = True) -> None:
        self.closed = True


class FakeFront:
    """One command a line; three refused logins and it closes."""

    protocol = MailProtocol.IMAP
    client_id = ""

    def __init__(self) -> None:
        self._data = b""
        self._tries = 0

    def greeting(self) -> bytes:
        return b"greeting"

    def feed(self, data: bytes) -> None:
        self._data += data

    def next_event(self) -> FrontEvent:
        if self._tries >= 3:
            return Close(b"bye", "too_many")
        line, newline, rest = self._data.partition(b"\n")
        if not newline:
            return NeedData()
        self._data = rest
        if line == b"login":
            return LoginAttempt(YUKI)
        return Close(b"goodbye", "quit") if line == b"quit" else Send(b"echo " + line)

    def refuse(self, reason: Reason) -> bytes:
        self._tries += 1
        return f"no: {reason.outcome.value}".encode()

    def accept(self, accepted: Accepted) -> bytes:
        return b"yes: " + accepted.final

    def unread(self) -> bytes:
        data, self._data = self._data, b""
        return data

    def bye(self, farewell: Farewell) -> bytes:
        return f"bye: {farewell.value}".encode()


class FakeBack:
    """Gives the events of its script, and notes what it is fed."""

    protocol = MailProtocol.IMAP

    def __init__(self, *script: BackEvent) -> None:
        self.script = list(script)
        self.fed = b""
        self.grant: Grant | None = None

    def feed(self, data: bytes) -> None:
        self.fed += data

    def next_event(self) -> BackEvent:
        return self.script.pop(0) if self.script else NeedData()

    def login(self, grant: Grant) -> None:
        self.grant = grant

    def unread(self) -> bytes:
        return b""


@dataclass
class FakePorts:
    """The outside of a login. Each answer can be changed; ``asked`` is the order of what was asked."""

    verdict: Reason = Reason.ACCEPTED
    answer: AuthAnswer = field(default_factory=lambda: AuthAnswer(Reason.ACCEPTED, identity="cn=yuki"))
    grants: list[Grant | LoginFailed] = field(default_factory=lambda: [TOKEN])
    logins: list[Mailbox | LoginFailed] = field(default_factory=list)
    admission: LoginFailed | None = None
    upstream_failure: LoginFailed | None = None
    record_failure: LoginFailed | None = None
    asked: list[str] = field(default_factory=list)
    finished_attempts: list[tuple[Reason, str]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    stream: FakeStream = field(default_factory=FakeStream)

    def next_data(self, client: Stream) -> bytes:
        return client.recv()

    def begin(self, credentials: Credentials) -> Attempt:
        self.attempts.append(Attempt(credentials, 0.0))
        return self.attempts[-1]

    def decide(self, attempt: Attempt) -> Reason:
        self.asked.append("policy")
        return self.verdict

    def authenticate(self, attempt: Attempt) -> AuthAnswer:
        self.asked.append("directory")
        return self.answer

    def admit(self, attempt: Attempt) -> None:
        self.asked.append("place")
        if self.admission:
            raise self.admission

    def grant(self, attempt: Attempt, *, fresh: bool) -> Grant:
        self.asked.append("fresh token" if fresh else "token")
        grant = self.grants.pop(0) if len(self.grants) > 1 else self.grants[0]
        if isinstance(grant, LoginFailed):
            raise grant
        return grant

    def upstream(self, attempt: Attempt) -> tuple[FakeStream, FakeBack]:
        self.asked.append("upstream")
        if self.upstream_failure:
            raise self.upstream_failure
        return self.stream, FakeBack(Greeted())

    def log_in(self, attempt: Attempt, stream: Stream, back: FakeBack, grant: Grant) -> Mailbox:
        self.asked.append("login")
        outcome = self.logins.pop(0) if self.logins else Mailbox(stream, back, ACCEPTED)
        if isinstance(outcome, LoginFailed):
            raise outcome
        return outcome

    def finished(self, attempt: Attempt) -> None:
        self.asked.append("record")
        if attempt.reason is Reason.ACCEPTED and self.record_failure:
            raise self.record_failure
        self.finished_attempts.append((attempt.reason, attempt.detail))


REFUSED = Refused(Reason.UPSTREAM_TEMPORARY, "later")
