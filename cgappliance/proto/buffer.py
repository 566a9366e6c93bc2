"""Bytes of a peer, taken out as lines and literals. It may import the standard library only.

Rules: the work is linear in what was fed, however it was cut; nothing beyond a line's limit is kept; what is skipped costs no
memory.

A line ends with CRLF or, as Dovecot and Gmail have it, with LF alone: clients written against them do send that. A CR that no LF
follows stays in the line, where each protocol's grammar refuses it.
"""

from __future__ import annotations


class TooLong(Exception):
    """A line is longer than its limit. The buffer drops it, the part that has not come yet included."""


class LineBuffer:
    """What a peer sent and nobody has read. ``len()`` is the octets held."""

    __slots__ = ("_data", "_scanned", "_skip", "_skip_line")

    def __init__(self) -> None:
        self._data = bytearray()
        self._scanned = 0  #: octets at the start of _data that are known to hold no LF
        self._skip = 0  #: octets that are still to come and to be dropped
        self._skip_line = False  #: drop up to and with the next LF

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Take what came; parts that are to be skipped are dropped at once."""
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        if self._skip_line:
            _, found, data = data.partition(b"\n")
            self._skip_line = not found
        self._data += data

    def next_line(self, limit_bytes: int) -> bytes | None:
        """Return the next line without its line end, or None when more bytes are needed.

        Args:
            limit_bytes: octets that the line may have, its line end counted.

        Raises:
            TooLong: the line is longer, whether its end has come or not. The next call returns the line behind it.
        """
        end = self._data.find(b"\n", self._scanned, limit_bytes)
        if end >= 0:
            line = self._cut(end + 1)
            return line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if len(self._data) >= limit_bytes:
            self._drop_line()
            raise TooLong
        self._scanned = len(self._data)
        return None

    def take(self, count: int) -> bytes | None:
        """Return exactly ``count`` octets, whatever they are, or None when more bytes are needed."""
        return self._cut(count) if len(self._data) >= count else None

    def skip(self, count: int) -> None:
        """Drop the next ``count`` octets, those that have not come yet included."""
        held = min(count, len(self._data))
        self._cut(held)
        self._skip += count - held

    def unread(self) -> bytes:
        """Return everything that is left, once: the buffer is empty afterwards."""
        return self._cut(len(self._data))

    def _cut(self, count: int) -> bytes:
        """Remove and return the first ``count`` octets. A bytearray gives up its front in constant time."""
        head = bytes(self._data[:count])
        del self._data[:count]
        self._scanned = 0
        return head

    def _drop_line(self) -> None:
        end = self._data.find(b"\n", self._scanned)
        self._cut(end + 1 if end >= 0 else len(self._data))
        self._skip_line = end < 0
