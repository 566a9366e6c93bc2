"""Keeps the failure of one TLS connection from becoming that of another.

OpenSSL notes errors in a queue of the thread, and looks there for the reason when an operation could not be completed. CPython
reports a connection that was reset without emptying the queue (python/cpython#148594). Recent OpenSSL (Debian 13 has 3.5) puts the
system's error there, too; then the next operation of *any* connection of the thread that only has to wait for more bytes is
reported as reset, and so is the one after it. With a greenlet per connection that is every session of a process, until it is
started again.
"""

from __future__ import annotations

import _ssl
import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

import gevent.ssl

#: The OpenSSL that ``ssl`` works with, not another one that an extension module may bring along.
_openssl = ctypes.PyDLL(getattr(_ssl, "__file__", None))


def forget() -> None:
    """Empty the queue of this thread."""
    _openssl.ERR_clear_error()


class TidySSLSocket(gevent.ssl.SSLSocket):  # type: ignore[misc]  # gevent has no types
    """A TLS socket of gevent that takes its errors with it. All ways to OpenSSL that fail are these five."""

    def read(self, *args: Any) -> Any:
        """As ``SSLSocket.read``."""
        with _tidy():
            return super().read(*args)

    def write(self, *args: Any) -> Any:
        """As ``SSLSocket.write``."""
        with _tidy():
            return super().write(*args)

    def send(self, *args: Any, **options: Any) -> Any:
        """As ``SSLSocket.send``."""
        with _tidy():
            return super().send(*args, **options)

    def do_handshake(self) -> None:
        """As ``SSLSocket.do_handshake``."""
        with _tidy():
            super().do_handshake()

    def unwrap(self) -> Any:
        """As ``SSLSocket.unwrap``."""
        with _tidy():
            return super().unwrap()


def install() -> None:
    """Let every context of gevent make such sockets, whichever library asks. For the process entry, behind ``patch_all``."""
    gevent.ssl.SSLContext.sslsocket_class = TidySSLSocket


@contextlib.contextmanager
def _tidy() -> Iterator[None]:
    try:
        yield
    except OSError:  # TLS errors are such too
        forget()
        raise
