"""One connection's bytes: lines and exact reads in, writes out, everything recorded, faults carried out.

This file knows no mail protocol. It uses gevent's own sockets, so it works whether or not the process is patched.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import gevent
from gevent import socket, ssl

from cgappliance.testing.gmail.records import KEPT_BYTES_BEFORE_LOGIN, ConnectionRecord
from cgappliance.testing.gmail.switches import Fault, FaultKind
from cgappliance.testing.gmail.tls import ServerTls

CHUNK_BYTES = 65536
LINE_LIMIT_BYTES = 65536  #: Gmail's own limit is not known; longer than any line that the appliance may send
HANDSHAKE_TIMEOUT_S = 30.0
LINGER_S = 0.5  #: how long a client may take to close after us
GARBAGE = bytes(range(256)) + b"\r\n\xff\xfe not a mail server \x00\r\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  #: SO_LINGER on, 0 s: close() sends RST


class Hangup(Exception):
    """The connection is over; the message says why, for the record."""


class LineTooLong(Exception):
    """A line is longer than this server reads."""


class Wire:
    """One accepted connection. Not safe for two greenlets that read; writes of one call stay together."""

    def __init__(self, sock: Any, record: ConnectionRecord) -> None:
        self.record = record
        self.sent_since_login = 0
        self._sock = sock
        self._buffer = bytearray()
        self._inflate: Any = None
        self._deflate: Any = None
        self._drip_s = 0.0
        self._logged_in = False
        self._reset = False

    def start_tls(self, tls: ServerTls) -> None:
        """Do the TLS handshake as the server; blocks up to HANDSHAKE_TIMEOUT_S.

        Raises:
            Hangup: it failed.
        """
        try:
            with gevent.Timeout(HANDSHAKE_TIMEOUT_S, Hangup("TLS handshake timed out")):
                self._sock, self.record.server_name = tls.wrap(self._sock)
        except OSError as error:
            raise Hangup(f"TLS handshake failed: {error}") from error
        self.record.tls_version = self._sock.version()
        self.record.tls_resumed = bool(self._sock.session_reused)

    def logged_in(self) -> None:
        """Stop keeping what the client sends: from now on it is mail."""
        self._logged_in = True

    def read_line(self) -> bytes:
        """Return the next line without its line end (LF or CRLF). Blocks.

        Raises:
            Hangup: the client has gone.
            LineTooLong: no line end within LINE_LIMIT_BYTES.
        """
        return self.read_until(b"\n", LINE_LIMIT_BYTES).removesuffix(b"\r")

    def read_until(self, mark: bytes, limit_bytes: int) -> bytes:
        """Return everything up to ``mark``, which is taken and left out. Blocks.

        Raises:
            Hangup: the client has gone.
            LineTooLong: the mark does not come within limit_bytes.
        """
        start = 0
        while (end := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark) + 1)
            if len(self._buffer) > limit_bytes:
                raise LineTooLong
            self._fill()
        if end > limit_bytes:
            raise LineTooLong
        data = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return data

    def read_exact(self, size: int) -> bytes:
        """Return the next ``size`` bytes. Blocks.

        Raises:
            Hangup: the client has gone.
        """
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def unread(self, data: bytes) -> None:
        """Put ``data`` in front of what is read next."""
        self._buffer[:0] = data

    def send(self, data: bytes) -> None:
        """Write all of ``data``; blocks while the client does not read.

        Raises:
            Hangup: the client has gone.
        """
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self.record.bytes_out += len(data)
        if self._logged_in:
            self.sent_since_login += len(data)
        try:
            if self._drip_s:
                self._send_dripping(data)
            else:
                self._sock.sendall(data)
        except OSError as error:
            raise Hangup(f"lost: {error}") from error

    def compress(self) -> None:
        """Talk raw DEFLATE from here on, both ways (RFC 4978)."""
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._buffer = bytearray(self._inflate.decompress(bytes(self._buffer)))

    def suffer(self, fault: Fault) -> None:
        """Carry out a fault; returns only from ``DRIP``.

        Raises:
            Hangup: in all other cases.
        """
        match fault.kind:
            case FaultKind.DRIP:
                self._drip_s = fault.drip_s
                return
            case FaultKind.RESET:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self._reset = True
            case FaultKind.SILENT:
                self._swallow()
            case FaultKind.GARBAGE:
                self.send(GARBAGE)
                self._swallow()
            case FaultKind.ENDLESS_LINE:
                while True:
                    self.send(b"x" * CHUNK_BYTES)
        raise Hangup(f"fault: {fault.kind}")

    def close(self) -> None:
        """Close in order: a TLS goodbye, TCP's end, then a moment for the client to read and close too.

        A close with unread bytes in the kernel would be a reset, and the client might lose our last words. After
        ``FaultKind.RESET`` it is to be one.
        """
        if self._reset:
            self._sock.close()
            return
        try:
            with gevent.Timeout(LINGER_S, False):
                self._say_goodbye()
                while self._sock.recv(CHUNK_BYTES):
                    pass
        except (OSError, ValueError):
            pass  # the client closed first, or reset
        finally:
            self._sock.close()

    def _say_goodbye(self) -> None:
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(0.0)  # send close_notify, do not wait for the client's
            self._sock.unwrap()
            self._sock.settimeout(None)
        self._sock.shutdown(socket.SHUT_WR)

    def _fill(self) -> None:
        try:
            data = self._sock.recv(CHUNK_BYTES)
        except OSError as error:
            raise Hangup(f"lost: {error}") from error
        if not data:
            raise Hangup("closed by the client")
        self.record.bytes_in += len(data)
        if not self._logged_in and len(self.record.before_login) < KEPT_BYTES_BEFORE_LOGIN:
            self.record.before_login += data
        self._buffer += self._inflate.decompress(data) if self._inflate is not None else data

    def _swallow(self) -> None:
        while True:
            self._fill()
            self._buffer.clear()

    def _send_dripping(self, data: bytes) -> None:
        for byte in data:
            self._sock.sendall(bytes((byte,)))
            gevent.sleep(self._drip_s)
