"""What systemd wants to hear, keeps and hands over (sd_notify(3), sd_listen_fds(3)); without it nothing here does anything.

The unit's descriptor store (``FileDescriptorStoreMax=``) is why a restart refuses nobody: the listening sockets are open in
systemd, too, and connections wait in their queues until the next process takes them.
"""

from __future__ import annotations

import array
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FIRST_FD: Final = 3  #: SD_LISTEN_FDS_START


KEEP_TIMEOUT_S: Final = 5.0  #: for systemd to take a descriptor; its queue is full for moments when many tenants start

ASK_TIMEOUT_S: Final = 5.0  #: for systemd to answer a question


def notify(state: str) -> None:
    """Send ``READY=1``, ``STATUS=...`` and the like to the service manager, if there is one. Does not block, does not raise."""
    _send(state, timeout_s=0)  # a service manager that does not listen is no reason to stop serving mail


def keep(name: str, fd: int) -> bool:
    """Have the service manager keep a copy of a descriptor over a restart; ``inherited_fds`` has it then.

    Blocks for at most ``KEEP_TIMEOUT_S``, does not raise.

    Args:
        name: to ``forget`` it by; without colons.
        fd: a listening socket.

    Returns:
        False: there is a service manager, and it did not take it.
    """
    # without FDPOLL=0 systemd would watch it, and drop it at an error that is the client's
    return _send(f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}", [fd], timeout_s=KEEP_TIMEOUT_S)


def forget(name: str) -> None:
    """Have the service manager close its copy. Blocks for at most ``KEEP_TIMEOUT_S``, does not raise."""
    _send(f"FDSTOREREMOVE=1\nFDNAME={name}", timeout_s=KEEP_TIMEOUT_S)


def _send(state: str, fds: Sequence[int] = (), *, timeout_s: float) -> bool:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return True
    if address.startswith("@"):  # abstract namespace
        address = "\0" + address[1:]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout_s)
            sock.connect(address)
            sock.sendmsg([state.encode()], rights)
    except OSError:
        return False
    return True


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


def restart_follows() -> bool:
    """Tell whether the stop that was ordered is the first half of a restart: what is kept will be taken up at once.

    Blocks cooperatively for at most ``ASK_TIMEOUT_S``, does not raise; False where nobody knows.
    """
    unit = _own_unit()
    if not os.environ.get("NOTIFY_SOCKET") or unit is None:
        return False
    # only the job's type tells a restart from a stop, and only systemd knows it; its client is there wherever systemd is
    command = ["systemctl", "list-jobs", "--no-legend", "--plain", unit]
    try:
        run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ASK_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return any(line.split()[1:3] == [unit, "restart"] for line in run.stdout.splitlines())


def _own_unit() -> str | None:
    """Return the name of the service that this process belongs to."""
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return None
    names = (line.rpartition("/")[2] for line in groups.splitlines())
    return next((name for name in names if name.endswith(".service")), None)
