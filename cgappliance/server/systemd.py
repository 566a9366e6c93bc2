"""What systemd wants to hear and hands over (sd_notify(3), sd_listen_fds(3)); without systemd nothing here does anything."""

from __future__ import annotations

import os
import socket
from typing import Final

FIRST_FD: Final = 3  #: SD_LISTEN_FDS_START


def notify(state: str) -> None:
    """Send ``READY=1``, ``STATUS=...`` and the like to the service manager, if there is one. Does not block, does not raise."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), address)
    except OSError:
        pass  # a service manager that does not listen is no reason to stop serving mail


def watchdog_interval_s() -> float | None:
    """Return how often ``WATCHDOG=1`` is wanted, in seconds: half of the manager's time-out; None: not at all."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


def inherited_fds() -> list[int]:
    """Return the listening sockets that systemd opened for this process, as descriptors; they are forgotten in the environment."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    number = int(os.environ.get("LISTEN_FDS", "0"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return list(range(FIRST_FD, FIRST_FD + number))
