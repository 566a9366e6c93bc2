"""The whole vocabulary between the protocol machines and the code that does I/O, and what a front and a back can do."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol

from cgappliance.model import Credentials, Grant, MailProtocol, Reason


@dataclass(frozen=True, slots=True)
class NeedData:
    """Nothing to do until more bytes come."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the peer and go on. The bytes do not show in its repr: towards Gmail they hold the credential."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Write these bytes (maybe none) and close; ``why`` is one word for the log: "quit", "line_too_long", ..."""

    data: bytes
    why: str


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A client asks to be let in. The front waits for ``accept`` or ``refuse`` and parses nothing further until then."""

    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Greeted:
    """The upstream has greeted (SMTP: and answered EHLO): it may now be given a login, at once or later (a warm connection)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The upstream let us in."""

    final: bytes  #: IMAP: the text behind the tag (``OK user authenticated (Success)``); else the whole reply; no last CRLF
    untagged: bytes = b""  #: IMAP: complete untagged lines that came before it (Gmail's ``* CAPABILITY``), with CRLFs
    ehlo: tuple[str, ...] = ()  #: SMTP: the upstream's EHLO keywords with parameters, its AUTH line left out


@dataclass(frozen=True, slots=True)
class Refused:
    """The upstream did not let us in, or did not speak the protocol."""

    reason: Reason
    text: str  #: what it said, decoded and bounded, for log and history; never for the client


FrontEvent = NeedData | Send | Close | LoginAttempt
BackEvent = NeedData | Send | Greeted | Accepted | Refused


class Farewell(enum.Enum):
    """Why the appliance ends a connection of its own accord before login."""

    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    CONNECTION_LIMIT = "connection_limit"


class Front(Protocol):
    """The client's side of one protocol before login."""

    protocol: MailProtocol
    client_id: str  #: what the client says it is (IMAP ID, EHLO argument): printable, at most 200 characters; "" until then

    def greeting(self) -> bytes:
        """Return the first bytes of the server."""
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; an over-long line or literal shows in ``next_event``, not here."""
        ...

    def next_event(self) -> FrontEvent:
        """Return what to do next."""
        ...

    def refuse(self, reason: Reason) -> bytes:
        """Return the answer to the pending LoginAttempt, the same for all reasons of one outcome. May arm a Close."""
        ...

    def accept(self, accepted: Accepted) -> bytes:
        """Return the upstream's success in the client's terms (its tag); the front is finished after this but for ``unread``."""
        ...

    def unread(self) -> bytes:
        """Return, once, the bytes that the client pipelined behind its login: they belong to the upstream."""
        ...

    def bye(self, farewell: Farewell) -> bytes:
        """Return the last words for a connection that the appliance ends; may be empty (POP3 time-out, RFC 1939 section 3)."""
        ...


class Back(Protocol):
    """Gmail's side of one protocol up to the end of the login."""

    protocol: MailProtocol

    def feed(self, data: bytes) -> None:
        """Take bytes from the upstream."""
        ...

    def next_event(self) -> BackEvent:
        """Return what to do next. After Refused nothing further is expected but a close."""
        ...

    def login(self, grant: Grant) -> None:
        """Start the login; allowed once, after Greeted: credentials are only built for a server that greeted properly."""
        ...

    def unread(self) -> bytes:
        """Return, once, the bytes that came behind the final reply: they belong to the client."""
        ...
