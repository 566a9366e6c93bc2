"""Traces of single accounts, switched on for some minutes: the dialogue of their connections, redacted, as lines of the log.

Who a client is shows only when it logs in, so while any trace is on, the first lines of all new connections are kept, redacted
already, until they are known to be wanted or not. Redaction is ``proto/trace.py``: it knows words and numbers, nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from cgappliance import log
from cgappliance.model import MailProtocol
from cgappliance.net.relay import Relay
from cgappliance.proto.trace import Redactor
from cgappliance.session.ports import Stream

_log = log.get()

TRACES_MAX: Final = 16  #: accounts at a time: this is for a support call, not for watching people
LINES_MAX: Final = 20_000  #: of one trace and worker; a mailbox that is downloaded has two lines a message
EARLY_LINES_MAX: Final = 100  #: kept of a connection before its login: more than the front allows commands

Emit = Callable[[str, str], None]  #: side and line


class Traces:
    """The traces that are on in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._lines: dict[str, int] = {}

    def start(self, address: str, seconds: float) -> None:
        """Trace the connections of an account from now on; 0 seconds: no longer.

        Raises:
            ValueError: too many traces are on.
        """
        self._expire()
        if seconds <= 0:
            self._until.pop(address, None)
            return
        if address not in self._until and len(self._until) >= TRACES_MAX:
            raise ValueError(f"{TRACES_MAX} traces are on already")
        self._until[address] = self._clock() + seconds
        self._lines[address] = 0

    def connection(self, conn: str, tenant: str, protocol: MailProtocol) -> ConnectionTrace | None:
        """Return the trace of a new connection, or None: nobody is traced."""
        self._expire()
        return ConnectionTrace(self, conn, tenant, protocol) if self._until else None

    def wants(self, address: str) -> bool:
        """Tell whether an account is traced now."""
        return self._clock() < self._until.get(address, 0.0)

    def write(self, conn: str, tenant: str, address: str, side: str, line: str) -> None:
        """Write a line of a trace; the last one that a trace may have ends it."""
        self._lines[address] = self._lines.get(address, 0) + 1
        _log.info("trace", tenant=tenant, conn=conn, login=address, side=side, line=line)
        if self._lines[address] >= LINES_MAX:
            _log.warning("trace.ended", login=address, lines=LINES_MAX)
            self._until.pop(address, None)

    def _expire(self) -> None:
        for address in [address for address in self._until if not self.wants(address)]:
            del self._until[address], self._lines[address]


class ConnectionTrace:
    """What is told of one connection."""

    def __init__(self, traces: Traces, conn: str, tenant: str, protocol: MailProtocol) -> None:
        self._traces = traces
        self._conn = conn
        self._tenant = tenant
        self._address = ""
        self._early: deque[tuple[str, str]] = deque(maxlen=EARLY_LINES_MAX)
        self._outside = Redactor(protocol)  # the dialogue with the client
        self._inside = Redactor(protocol)  # the dialogue with Gmail, up to the login
        self._relay: Relay | None = None

    def belongs_to(self, address: str) -> None:
        """Tell whose login this is; if it is wanted, what was kept is written now."""
        self._address = address if self._traces.wants(address) else ""
        while self._address and self._early:
            self._write(*self._early.popleft())

    def around_client(self, stream: Stream) -> Stream:
        """Return the client's stream, listened to."""
        return _Overheard(
            stream,
            received=partial(self._tell, "client", self._outside.client),
            sent=partial(self._tell, "appliance", self._outside.server),
        )

    def around_gmail(self, stream: Stream) -> Stream:
        """Return Gmail's stream, listened to while the appliance logs in."""
        return _Overheard(
            stream,
            received=partial(self._tell, "gmail", self._inside.server),
            sent=partial(self._tell, "appliance to gmail", self._inside.client),
        )

    def attach(self, relay: Relay) -> None:
        """Listen to a relay until the trace ends, if it is wanted."""
        if self._address:
            self._relay = relay
            relay.tap = self._relayed

    def _relayed(self, up: bool, data: bytes) -> None:
        if not self._traces.wants(self._address):
            assert self._relay is not None  # noqa: S101 - it is its tap that was called
            self._relay.tap = None
            return
        if up:
            self._tell("client", self._outside.client, data)
        else:
            self._tell("gmail", self._outside.server, data)

    def _tell(self, side: str, redact: Callable[[bytes], list[str]], data: bytes) -> None:
        for line in redact(data):
            if self._address:
                self._write(side, line)
            else:
                self._early.append((side, line))

    def _write(self, side: str, line: str) -> None:
        if self._traces.wants(self._address):
            self._traces.write(self._conn, self._tenant, self._address, side, line)


class _Overheard:
    """A stream that tells what passes."""

    def __init__(self, stream: Stream, *, received: Callable[[bytes], None], sent: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._received = received
        self._sent = sent

    def recv(self) -> bytes:
        """Return the next bytes."""
        data = self._stream.recv()
        self._received(data)
        return data

    def sendall(self, data: bytes) -> None:
        """Send all of data."""
        self._sent(data)
        self._stream.sendall(data)

    def close(self, *, goodbye: bool = True) -> None:
        """Close."""
        self._stream.close(goodbye=goodbye)
