"""Moves bytes between a client and Gmail until both are done: the fast path of the appliance, all of it in this file.

After the login the session leaves its greenlet. Two sockets, two TLS objects and this object are all that is left of it; the
event loop calls back when a socket is readable. That halves the CPU of a command's round trip and saves a stack per idle session.

How the bytes go, for one event (``_on_readable``)::

    recv_into(one buffer of the process)          one system call for up to 256 KiB of TLS records
      for each piece of it (64 KiB):
        -> incoming BIO -> SSL_read ... SSL_read  all records that are complete
        -> SSL_write -> outgoing BIO              new records for the other side
    sendmsg(all pieces)                           one system call

Rules
    * A callback never blocks and lets no exception out.
    * A piece bounds what OpenSSL's BIOs grow to, since they keep the capacity that they once had; the large read saves system
      calls. Both matter: small reads lose a third of the throughput, large BIOs cost 700 KiB for every session that once was busy.
    * Back-pressure: what the socket did not take stays as ``unsent``, and the other side is not read until it is gone. So a
      session holds at most one read's worth of bytes for a peer that does not read.
    * Fairness: everybody's command waits until the event loop has come round, twice for a round trip. So what all sessions together
      read in one turn is bounded (``_Turn``), and who is alone may read as much as the bound, for that is cheapest.
    * Half-close: an end of file from one side becomes close_notify and FIN for the other, which may still send. A peer that closes
      without close_notify is treated alike: many mail clients do.
    * Nothing is added: no QUIT, no LOGOUT. Only ``end`` may put a last line before the close, and only where a line has ended.
"""

from __future__ import annotations

import _socket
import contextlib
import enum
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from gevent import get_hub

from cgappliance import log
from cgappliance.net.stream import TlsStream

_log = log.get()

TURN_BYTES: Final = 256 * 1024  #: what all sessions together read in one turn of the event loop: a fifth of a millisecond
READ_MIN_BYTES: Final = 16 * 1024  #: what each may read however many there are: smaller reads cost too much
PIECE_BYTES: Final = 64 * 1024
RECORD_BYTES: Final = 16 * 1024  #: most plaintext in one TLS record (RFC 8446 5.1)

_cipher = memoryview(bytearray(TURN_BYTES))
#: room for all that one piece can decrypt to: its own records and the one that the piece before it had left incomplete
_plain = memoryview(bytearray(PIECE_BYTES + 2 * RECORD_BYTES))


class End(enum.Enum):
    """Why a relay ended."""

    CLOSED = "closed"  #: both sides finished in order
    CLIENT_LOST = "client_lost"
    UPSTREAM_LOST = "upstream_lost"
    IDLE = "idle"
    KICKED = "kicked"  #: policy or an operator withdrew the session
    SHUTDOWN = "shutdown"
    FAILED = "failed"  #: a bug of ours; the log has it


@dataclass(frozen=True, slots=True)
class Summary:
    """What a relay has to say when it is over; for the history."""

    end: End
    detail: str
    bytes_up: int  #: plaintext octets from the client to Gmail
    bytes_down: int
    seconds: float


class _Turn:
    """Shares a turn of the event loop among the sessions that have much to relay; those with a command take no share.

    How many they are is known from the turn before, or from this one, if it has more already.
    """

    __slots__ = ("_before", "_number", "_readers", "room")

    def __init__(self) -> None:
        self.room = _cipher  #: what the next read may fill
        self._number = -1
        self._readers = self._before = 0

    def note_large_read(self) -> None:
        """Count one more that has much to relay in this turn."""
        number: int = get_hub().loop.iteration
        if number != self._number:
            self._number, self._before, self._readers = number, self._readers, 0
        self._readers += 1
        self.room = _cipher[: max(READ_MIN_BYTES, TURN_BYTES // max(self._before, self._readers))]


_turn = _Turn()  # all sessions of a process share its one core


class _Side:
    """One end of a relay and what is still to be sent to it."""

    __slots__ = (
        "at_line_end",
        "finished",
        "incoming",
        "lost",
        "outgoing",
        "reader",
        "received",
        "shut",
        "sock",
        "stream",
        "tls",
        "unsent",
    )

    def __init__(self, stream: TlsStream, lost: End) -> None:
        self.stream = stream
        self.sock: _socket.socket = stream.sock
        self.tls = stream.tls
        self.incoming = stream.incoming
        self.outgoing = stream.outgoing
        self.reader = stream.reader
        self.lost = lost
        self.unsent: memoryview | None = None
        self.received = 0
        self.finished = False  #: this side has sent its last byte
        self.shut = False  #: this side has been told that there will be no more for it
        self.at_line_end = True


class Relay:
    """A running relay. ``start`` it once; it calls ``on_end(summary)`` once, from the event loop."""

    __slots__ = ("_client", "_on_end", "_started_at", "_upstream", "last_activity", "running", "tap")

    def __init__(self, client: TlsStream, upstream: TlsStream, on_end: Callable[[Summary], None]) -> None:
        """Take over two streams that have shaken hands; they are closed when the relay ends."""
        self._client = _Side(client, End.CLIENT_LOST)
        self._upstream = _Side(upstream, End.UPSTREAM_LOST)
        self._on_end = on_end
        self.tap: Callable[[bool, bytes], None] | None = None  #: hears what is relayed, True: upwards; must neither block nor raise
        self.running = False
        self.last_activity = self._started_at = monotonic()  # the loop's own time jumps with the clock

    def start(self, to_upstream: bytes = b"", to_client: bytes = b"") -> None:
        """Begin. The arguments are plaintext that was read ahead during the login; it goes first. Does not block."""
        self.running = True
        on_readable = self._on_readable  # one object for both: each time that it is read, Python makes a new one
        for source, target, early in (
            (self._client, self._upstream, to_upstream),
            (self._upstream, self._client, to_client),
        ):
            source.reader.start(on_readable, source, target)
            if early:
                source.received += len(early)
                self._guard(self._deliver_early, source, target, early)
            if self.running:
                self._guard(self._move_pending, source, target)

    def _deliver_early(self, source: _Side, target: _Side, early: bytes) -> None:
        if self.tap is not None and source is self._upstream:  # the client's were heard when they were read
            self.tap(False, early)
        target.tls.write(early)
        target.at_line_end = early.endswith(b"\n")
        self._send(source, target, [target.outgoing.read()])

    def _move_pending(self, source: _Side, target: _Side) -> None:
        """Relay what the login left in the incoming BIO: no readable event will come for it."""
        if source.incoming.pending and target.unsent is None:
            self._send(source, target, self._convert(source, target, _cipher[:0]))
            self._after_read(source, target)

    def idle_s(self, now: float) -> float:
        """Return for how many seconds nothing was relayed; ``now`` is monotonic."""
        return float(now - self.last_activity)

    def bytes_moved(self) -> tuple[int, int]:
        """Return plaintext octets so far, (up, down)."""
        return self._client.received, self._upstream.received

    def end(self, why: End, detail: str = "", last_words: bytes = b"") -> None:
        """End the relay now; ``last_words`` reach the client if a line has just ended there. Does not block."""
        if not self.running:
            return
        client = self._client
        if last_words and client.unsent is None and client.at_line_end and not client.shut:
            with contextlib.suppress(ssl.SSLError, OSError):
                client.tls.write(last_words)
                client.sock.send(client.outgoing.read())
        self._finish(why, detail)

    # ---- callbacks of the event loop

    def _guard(self, step: Callable[..., None], *args: object) -> None:
        """Run a step of the relay; whatever goes wrong ends this session and no other."""
        try:
            step(*args)
        except OSError as error:  # of sockets and, as SSLError is one, of TLS
            source = next((arg for arg in args if isinstance(arg, _Side)), self._client)
            self._finish(source.lost, error.strerror or str(error))
        except Exception:  # noqa: BLE001 - an exception that leaves a callback would be lost in the hub
            _log.error("relay.failed", exc_info=True)
            self._finish(End.FAILED, "internal error")

    def _on_readable(self, source: _Side, target: _Side) -> None:
        try:
            size = source.sock.recv_into(_turn.room)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(source.lost, error.strerror or str(error))
            return
        self.last_activity = monotonic()
        if size >= READ_MIN_BYTES:
            _turn.note_large_read()
        self._guard(self._read, source, target, size)

    def _read(self, source: _Side, target: _Side, size: int) -> None:
        if size == 0:
            source.incoming.write_eof()
            records = self._convert(source, target, _cipher[:0])
        elif size <= PIECE_BYTES:
            records = self._convert(source, target, _cipher[:size])
        else:
            records = []
            for at in range(0, size, PIECE_BYTES):
                records += self._convert(source, target, _cipher[at : min(at + PIECE_BYTES, size)])
        self._send(source, target, records)
        self._after_read(source, target)

    def _convert(self, source: _Side, target: _Side, piece: memoryview) -> list[bytes]:
        """Decrypt a piece of ciphertext and return it encrypted for the other side: no bytes or one."""
        if piece:
            source.incoming.write(piece)
        read, incoming = source.tls.read, source.incoming
        filled = 0
        try:
            # asking first is cheaper than the exception that a read too many would raise
            while incoming.pending or incoming.eof:
                count: int = read(RECORD_BYTES, _plain[filled:])  # type: ignore[assignment]  # a number, as there is a buffer
                if not count:
                    source.finished = True
                    break
                filled += count
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):  # the latter once we have sent our own close_notify
            source.finished = True
        if not filled:
            return []
        source.received += filled
        if self.tap is not None:
            self.tap(source is self._client, bytes(_plain[:filled]))
        target.at_line_end = _plain[filled - 1] == 0x0A
        target.tls.write(_plain[:filled])
        return [target.outgoing.read()]

    def _send(self, source: _Side, target: _Side, records: list[bytes]) -> None:
        """Send; what the socket does not take waits in ``unsent``, and the source with it."""
        if not records:
            return
        try:
            sent = target.sock.sendmsg(records) if len(records) > 1 else target.sock.send(records[0])
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._finish(target.lost, error.strerror or str(error))
            return
        left = sum(map(len, records)) - sent
        if left:
            target.unsent = memoryview(b"".join(records))[-left:]
            source.reader.stop()
            target.stream.writer.start(self._on_writable, source, target)

    def _after_read(self, source: _Side, target: _Side) -> None:
        if source.outgoing.pending and source.unsent is None:  # OpenSSL's own answers: a key update, an alert
            self._send(target, source, [source.outgoing.read()])
        if source.finished and self.running:
            source.reader.stop()
            if target.unsent is None:
                self._shut(source, target)

    def _on_writable(self, source: _Side, target: _Side) -> None:
        assert target.unsent is not None  # noqa: S101 - the writer is only started with something to write
        try:
            target.unsent = target.unsent[target.sock.send(target.unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(target.lost, error.strerror or str(error))
            return
        self.last_activity = monotonic()
        if target.unsent:
            return
        target.unsent = None
        target.stream.writer.stop()
        if source.finished:
            self._guard(self._shut, source, target)
            return
        source.reader.start(self._on_readable, source, target)
        self._guard(self._move_pending, source, target)

    # ---- the end of one direction, and of all

    def _shut(self, source: _Side, target: _Side) -> None:
        """Tell the target that there will be no more; when both have been told, the relay is over."""
        if not target.shut:
            target.shut = True
            with contextlib.suppress(OSError):  # TLS errors are such too: a peer that is gone need not be told
                try:
                    target.tls.unwrap()  # sends close_notify; it also waits for the peer's, which may come much later
                finally:
                    target.sock.send(target.outgoing.read(), socket.MSG_MORE)  # it leaves in one packet with the FIN
            with contextlib.suppress(OSError):
                target.sock.shutdown(socket.SHUT_WR)
        if source.shut or (target.finished and target.shut):
            self._finish(End.CLOSED, "")

    def _finish(self, end: End, detail: str) -> None:
        if not self.running:
            return
        self.running = False
        for side in (self._client, self._upstream):
            if side.shut:
                side.stream.release()
            else:
                side.stream.close()
        seconds = monotonic() - self._started_at
        self._on_end(Summary(end, detail, self._client.received, self._upstream.received, seconds))
