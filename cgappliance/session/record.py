"""What is kept of a login and of the session behind it; the log line, the history row and the live list are made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cgappliance.model import MailProtocol, Peer, Reason


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """One attempt to log in, finished."""

    session: str  #: unique id of the connection; ties log, history and live list together
    tenant: str
    protocol: MailProtocol
    local_port: int
    peer: Peer
    tls_version: str
    client: str  #: what the client says it is
    login: str  #: as typed
    address: str  #: the account; "" when the login name was none
    reason: Reason
    detail: str = ""
    identity: str = ""
    upstream_mechanism: str = ""
    expires_in_s: float | None = None  #: after so many seconds Gmail will end the session, by the credential; None: not known
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How an accepted session ended."""

    end: str
    detail: str
    bytes_up: int
    bytes_down: int
    seconds: float


class Recorder(Protocol):
    """Where logins and sessions are recorded."""

    def login(self, record: LoginRecord) -> None:
        """Record an attempt; an accepted one is durable when this returns. Blocks for the disk.

        Raises:
            LoginFailed: STORE_UNAVAILABLE, an accepted attempt could not be recorded.
        """
        ...

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Record the end of an accepted session. Must not block (it is called from the event loop) and must not raise."""
        ...
