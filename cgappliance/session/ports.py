"""What one login needs from outside. ``net/connection.py`` supplies it; tests supply fakes.

Each call has its own deadline inside; none raises anything but what is said here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cgappliance.model import AuthAnswer, Credentials, Grant, GrantMechanism, IPAddress, Profile, Reason
from cgappliance.proto.events import Accepted, Back
from cgappliance.secret import Secret


class Stream(Protocol):
    """A connection in blocking style; ``net/stream.py`` is the real one."""

    def recv(self) -> bytes:
        """Return the next bytes, b"" at the end. Blocks. Raises PeerGone."""
        ...

    def sendall(self, data: bytes) -> None:
        """Send all of data. Blocks. Raises PeerGone."""
        ...

    def close(self, *, goodbye: bool = True) -> None:
        """Close; may be called twice."""
        ...


@dataclass(slots=True)
class Attempt:
    """One login as it goes: what the log line and the history row are made of."""

    credentials: Credentials
    started_at: float  #: monotonic seconds
    reason: Reason = Reason.ACCEPTED
    detail: str = ""
    identity: str = ""  #: the directory's name for the account
    mechanism: GrantMechanism | None = None  #: how the appliance logged in at Gmail, when it came to that
    expires_in_s: float | None = None  #: seconds that the credential still lived then: Gmail ends the session with it
    another_try: bool = False  #: another credential may be good where Gmail refuses the one that was given
    phases_ms: dict[str, float] = field(default_factory=dict)  #: "tls", "policy", "directory", "token", "upstream": milliseconds


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Gmail's side of a session, logged in."""

    stream: Stream
    back: Back
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class Standing:
    """What the appliance itself knows of an account: all that policy needs beside the tenant file."""

    profile: Profile | None  #: its own or the tenant's default; None: it has none
    enabled: bool = True


def nothing_to_settle(_address: str, _password: Secret) -> None:
    """What is done about a password that Gmail has taken, where none is ever in doubt."""


class Guard(Protocol):
    """Stands between a login and its directory, so that this is not asked in vain (``store/login_guard.py``)."""

    def authenticate(
        self, tenant: str, login: Credentials, peer_ip: IPAddress, ask: Callable[[], AuthAnswer], timeout_s: float, *, version: str
    ) -> AuthAnswer:
        """Return the directory's answer, by ``ask`` or from memory of the same ``version`` of settings. Blocks; does not raise."""
        ...


class Ports(Protocol):
    """The outside of one client connection."""

    def next_data(self, client: Stream) -> bytes:
        """Return the client's next bytes. Blocks up to the command and login time-outs.

        Raises:
            DeadlineExceeded: the client was too slow.
            Dismissed: the client is to leave.
            PeerGone: the connection was lost.
        """
        ...

    def begin(self, credentials: Credentials) -> Attempt:
        """Start an attempt. Does not block."""
        ...

    def decide(self, attempt: Attempt) -> Reason:
        """Return policy's verdict before anybody is asked. Does not block, does not raise."""
        ...

    def authenticate(self, attempt: Attempt) -> AuthAnswer:
        """Return the directory's answer. Blocks up to the directory's time-out; a broken backend is an UNAVAILABLE answer."""
        ...

    def admit(self, attempt: Attempt) -> None:
        """Take a place among the sessions of the account and its tenant. Does not block.

        Raises:
            LoginFailed: CONNECTION_LIMIT, there is none.
        """
        ...

    def grant(self, attempt: Attempt, *, fresh: bool) -> Grant:
        """Return the Google-side credential. Blocks up to the token time-out. Raises LoginFailed."""
        ...

    def upstream(self, attempt: Attempt) -> tuple[Stream, Back]:
        """Return a connection to Gmail that has been greeted and carries nobody's login. Blocks. Raises LoginFailed."""
        ...

    def log_in(self, attempt: Attempt, stream: Stream, back: Back, grant: Grant) -> Mailbox:
        """Log in at Gmail over a greeted connection. Blocks. Closes the stream when it raises LoginFailed."""
        ...

    def finished(self, attempt: Attempt) -> None:
        """Record the attempt: an accepted one is durable when this returns, a refused one took as long as all others. Blocks.

        Raises:
            LoginFailed: STORE_UNAVAILABLE, an accepted attempt could not be recorded, so it is none.
        """
        ...
