"""Messages between supervisor and worker, and between command line and supervisor: JSON with a length in front, over a Unix socket.

Listening sockets travel beside a message as descriptors (SCM_RIGHTS). One process writes, one reads; writes are serialised here.
"""

from __future__ import annotations

import array
import json
import socket
import struct
from typing import Any, Final

from gevent.lock import BoundedSemaphore

Message = dict[str, Any]

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024  #: a list of 100,000 sessions has 30 MB; anything above is no message of ours
FDS_PER_MESSAGE: Final = 200  #: the kernel passes at most 253 (SCM_MAX_FD)
_LENGTH: Final = struct.Struct("!I")


class Channel:
    """One end of a connected stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over ``sock``."""
        self.sock = sock
        self._writing = BoundedSemaphore(1)

    def send(self, message: Message, fds: list[int] | None = None) -> None:
        """Send one message. Blocks while the other end does not read.

        Raises:
            OSError: the other end is gone.
        """
        body = json.dumps(message).encode()
        with self._writing:
            for at in range(0, len(fds or []), FDS_PER_MESSAGE):
                self._send_fds((fds or [])[at : at + FDS_PER_MESSAGE])
            self.sock.sendall(_LENGTH.pack(len(body)) + body)

    def _send_fds(self, fds: list[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self.sock.sendmsg([_LENGTH.pack(0)], rights)

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and the descriptors that came with it; None when the other end has closed or died. Blocks.

        An end that died before it had read all shows as a reset: to whoever listens here that is an end like any other.

        Raises:
            ValueError: what came is no message.
            OSError: the connection broke.
        """
        fds: list[int] = []
        while True:
            try:
                header, received = self._header()
            except ConnectionResetError:
                return None
            fds += received
            if header is None:
                return None
            (length,) = _LENGTH.unpack(header)
            if length > MAX_MESSAGE_BYTES:
                raise ValueError(f"a message of {length} bytes is not one of ours")
            if length:
                try:
                    body = self._exactly(length)
                except ConnectionResetError:
                    return None
                return None if body is None else (json.loads(body), fds)

    def _header(self) -> tuple[bytes | None, list[int]]:
        space = socket.CMSG_SPACE(FDS_PER_MESSAGE * 4)
        data, ancillary, _flags, _address = self.sock.recvmsg(_LENGTH.size, space)
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        if not data:
            return None, list(fds)
        rest = self._exactly(_LENGTH.size - len(data)) if len(data) < _LENGTH.size else b""
        return (None if rest is None else data + rest), list(fds)

    def _exactly(self, size: int) -> bytes | None:
        parts = []
        while size:
            data = self.sock.recv(min(size, 1 << 20))
            if not data:
                return None
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
