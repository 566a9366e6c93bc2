"""What the look-alike has seen: connections with the bytes before login, logins, envelopes, token and API requests.

Tests read it to prove what reached "Google" and what did not. Plain data; JSON-able by ``dataclasses.asdict`` (bytes become
base64 in ``control.py``).
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any

KEPT_RECORDS = 10_000  #: of each kind; a soak test makes millions of logins
KEPT_BYTES_BEFORE_LOGIN = 65536  #: per connection; enough for any login, and a flood does not fill the memory


@dataclass(slots=True)
class LoginRecord:
    """One login that was tried."""

    mechanism: str
    username: str  #: as it came, POP3 with ``recent:``
    outcome: str  #: "ok" or a ``Refusal``
    at: float


@dataclass(slots=True, eq=False)
class ConnectionRecord:
    """One connection to one of the mail servers."""

    number: int
    server: str
    peer: str
    opened_at: float
    server_name: str | None = None  #: the TLS SNI
    tls_version: str | None = None
    tls_resumed: bool = False
    before_login: bytearray = field(default_factory=bytearray)  #: every byte that came before a login succeeded
    bytes_in: int = 0
    bytes_out: int = 0
    logins: list[LoginRecord] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  #: the verbs that came, in order, after login too; at most 1000
    closed: str = ""  #: "": still open; else why it ended


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that SMTP accepted."""

    login: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    parameters: tuple[str, ...]  #: of MAIL FROM, as they came
    data: bytes  #: dots unstuffed, otherwise byte for byte
    chunked: bool  #: came by BDAT


@dataclass(frozen=True, slots=True)
class HttpRecord:
    """A request to the token endpoint or to one of the APIs."""

    method: str
    path: str
    subject: str
    scopes: tuple[str, ...]
    outcome: str  #: "ok" or the error's name
    at: float


class Records:
    """Everything seen since the start or the last ``clear``; the oldest go first when there are too many."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.connections: deque[ConnectionRecord] = deque(maxlen=KEPT_RECORDS)
        self.envelopes: deque[Envelope] = deque(maxlen=KEPT_RECORDS)
        self.requests: deque[HttpRecord] = deque(maxlen=KEPT_RECORDS)

    def connection(self, server: str, peer: Any, opened_at: float) -> ConnectionRecord:
        """Open the record of a new connection."""
        record = ConnectionRecord(next(self._numbers), server, f"{peer[0]}:{peer[1]}", opened_at)
        self.connections.append(record)
        return record

    def logins(self) -> list[LoginRecord]:
        """Return all logins of all connections, oldest connection first."""
        return [login for connection in tuple(self.connections) for login in connection.logins]

    def clear(self) -> None:
        """Forget everything seen so far."""
        for kept in (self.connections, self.envelopes, self.requests):
            kept.clear()
