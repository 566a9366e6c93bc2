"""Accepts connections of one listening socket and starts a greenlet for each; never dies of what it meets there."""

from __future__ import annotations

import _socket
import errno
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from gevent import get_hub

from cgappliance import log
from cgappliance.greenlets import spawn
from cgappliance.net.stream import READ, tune

_log = log.get()

BACKLOG: Final = 1024  #: connections that wait for accept; the kernel cuts it to net.core.somaxconn (4096 on Debian)
PAUSE_MIN_S: Final = 0.01  #: first pause when descriptors or memory run out: sessions that end meanwhile give some back
PAUSE_MAX_S: Final = 1.0
GIVE_WAY_S: Final = 0.002  #: a worker that has nothing to do takes a client at once, one that relays at the end of its turn

#: errors of one connection that was gone before it was accepted (accept(2)): the next one may be well
_TRANSIENT: Final = frozenset(
    {errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH}
)

Handler = Callable[[_socket.socket, Any], None]  #: runs in a greenlet of its own and closes the socket


class Door(Protocol):
    """Says when to accept no more; ``lobby.py`` is the real one."""

    def is_full(self) -> bool:
        """Tell whether nobody may be let in for now."""
        ...

    def is_tight(self) -> bool:
        """Tell whether descriptors run out."""
        ...

    def make_room(self) -> bool:
        """Send somebody away who only takes up room; False: there is nobody. The room is there a moment later."""
        ...


class Manners(Protocol):
    """Says when to leave a client to another worker; ``courtesy.py`` has the real ones."""

    def gives_way(self) -> bool:
        """Tell whether another worker should have the client that waits."""
        ...

    def gave_way(self, *, in_vain: bool) -> None:
        """Hear how that went. In vain: a moment later the client is still there."""
        ...


def bind(address: str, port: int) -> _socket.socket:
    """Return a listening, non-blocking socket; an IPv6 one takes IPv6 only, so ``0.0.0.0`` and ``::`` can stand side by side.

    Raises:
        OSError: the address is not of this machine or the port is taken.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = _socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.setblocking(False)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class Listener:
    """One listening socket at work. ``stop`` leaves the socket open: who bound it closes it."""

    def __init__(self, name: str, sock: _socket.socket, handler: Handler, door: Door, manners: Manners) -> None:
        """Serve ``sock`` with ``handler`` as long as ``door`` lets in; ``name`` is for log lines and greenlets."""
        self.name = name
        self.sock = sock
        tune(sock)  # what it accepts inherits the options (tcp(7)): five system calls less for each client
        self._kind = (sock.family, sock.type, sock.proto)  # of what it accepts, too: else Python asks the kernel each time
        self.handler = handler
        self._door = door
        self._manners = manners
        self._loop = get_hub().loop
        self._watcher = self._loop.io(sock.fileno(), READ)
        self._pause_s = PAUSE_MIN_S
        self._resting = self._loop.timer(0)

    def start(self) -> None:
        """Begin to accept. Does not block."""
        self._watcher.start(self._on_readable)

    def stop(self) -> None:
        """Accept no more; connections that wait in the kernel stay there for whoever accepts next."""
        self._watcher.stop()
        self._resting.stop()

    def close(self) -> None:
        """Stop for good and give the watchers back; call before the socket is closed."""
        self.stop()
        self._watcher.close()
        self._resting.close()

    def _on_readable(self) -> None:
        if self._manners.gives_way():
            self._rest(GIVE_WAY_S, self._take_who_is_left)
        else:
            self._accept()

    def _take_who_is_left(self) -> None:
        """Accept after giving way: whoever still waits shall not wait for a worker that does not come."""
        self.start()
        self._manners.gave_way(in_vain=self._accept())

    def _accept(self) -> bool:
        """Let in one client, no more: the others that wait have woken all workers. False: there was none to let in."""
        if self._door.is_full():
            self._pause("as many sessions as allowed")
            return False
        try:
            fd, address = self.sock._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _TRANSIENT:
                self._door.make_room()
                self._pause(error.strerror or str(error))
            return False
        sock = _socket.socket(*self._kind, fd)
        sock.setblocking(False)
        spawn(self.name, self.handler, sock, address)
        if not self._door.is_tight():
            self._pause_s = PAUSE_MIN_S
        elif not self._door.make_room():
            self._pause("descriptors run out")
        return True

    def _pause(self, why: str) -> None:
        """Stop accepting for a moment: who comes waits in the kernel, and sessions that end meanwhile make room."""
        write = _log.warning if self._pause_s == PAUSE_MIN_S else _log.debug  # the first of a row says it all
        write("listener.paused", listener=self.name, error=why, seconds=self._pause_s)
        self._rest(self._pause_s, self.start)
        self._pause_s = min(self._pause_s * 2, PAUSE_MAX_S)

    def _rest(self, seconds: float, then: Callable[[], None]) -> None:
        self._watcher.stop()
        self._resting.close()
        self._resting = self._loop.timer(seconds)
        self._resting.start(then)
