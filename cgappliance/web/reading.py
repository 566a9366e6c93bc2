"""What a client sends, read within limits of bytes and time: the head of a request, then its body.

gevent's server limits the first line only. Below it a client may send headers without end and a body one byte a minute, and each
such connection holds memory and a place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent.pywsgi import Input

from cgappliance.admin.account_csv import BYTES_MAX

HEAD_MAX_BYTES: Final = 32 * 1024  #: all headers of a request together; a browser with all its cookies sends some 2 KiB
REQUEST_MAX_BYTES: Final = BYTES_MAX + 64 * 1024  #: the longest that a form may carry: a CSV file, and the form around it
BODY_S: Final = 180.0  #: for a request's whole body: the largest that is allowed, at half a megabit a second


class Head:
    """The lines of a request's headers."""

    def __init__(self, source: Any) -> None:
        """Read from ``source``, a binary file."""
        self._source = source
        self._left = HEAD_MAX_BYTES

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line, or as much of it as ``limit`` says. Blocks cooperatively.

        Raises:
            ValueError: the headers are too long.
        """
        line: bytes = self._source.readline(self._left + 1 if limit < 0 else min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise ValueError("headers are too long")
        return line


class Body(Input):  # type: ignore[misc]  # gevent has no types
    """A request's body, as the application reads it."""

    __slots__ = ("_until",)

    def __init__(self, source: Any, length: int | None, *, socket: Any, chunked: bool) -> None:
        """Read ``length`` bytes, or ``chunked`` ones, from ``source``; ``socket``: where the client wants to be told to go on."""
        super().__init__(source, length, socket=socket, chunked_input=chunked)
        self._until = time.monotonic() + BODY_S

    def read(self, length: int | None = None) -> bytes:
        """Return up to ``length`` bytes. Blocks cooperatively.

        Raises:
            OSError: the client is gone, breaks the rules, or is too slow.
        """
        return self._in_time(super().read, length)

    def readline(self, size: int | None = None) -> bytes:
        """Return a line; else as ``read``."""
        return self._in_time(super().readline, size)

    def _in_time(self, reading: Callable[[int | None], bytes], length: int | None) -> bytes:
        with gevent.Timeout(max(self._until - time.monotonic(), 0), TimeoutError("the body came too slowly")):
            return reading(length)

    def finish(self) -> bool:
        """Read what the application did not want, and tell whether another request may follow. Blocks cooperatively.

        A client that is cut off while it sends sees no answer; one that sends without end is cut off nevertheless.
        """
        if self.socket is not None and self.position < (self.content_length or 0):
            return False  # it was never told to go on
        left = REQUEST_MAX_BYTES
        try:
            while left > 0 and (unwanted := self.read(min(left, 65_536))):
                left -= len(unwanted)
        except OSError:
            return False
        return left > 0

    def _discard(self) -> None:
        """Leave the rest alone: gevent would read whatever comes; ``finish`` knows an end."""
