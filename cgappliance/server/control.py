"""The control socket: how the command line talks to the running supervisor. Only the service's user and root may open it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gevent.pool import Pool
from gevent.server import StreamServer

from cgappliance import log
from cgappliance.errors import CgapplianceError
from cgappliance.server.channel import Channel, Message

if TYPE_CHECKING:
    from cgappliance.server.operator_desk import OperatorDesk

_log = log.get()

SOCKET_NAME: Final = "control.sock"
MAX_OPERATORS: Final = 16  #: connections at the same time; an operator uses one for a moment
ANSWER_TIMEOUT_S: Final = 60.0  #: a reload of 500 tenants takes seconds


class NotRunning(CgapplianceError):
    """No appliance answers at the control socket."""


class CommandFailed(CgapplianceError):
    """The running appliance could not do what was asked; the message is its own."""


def ask(run_dir: Path, command: str, **arguments: Any) -> Any:
    """Return the running appliance's answer to ``command``. Blocks for at most ``ANSWER_TIMEOUT_S``.

    Raises:
        NotRunning: nothing listens there.
        CommandFailed: it could not be done.
    """
    path = run_dir / SOCKET_NAME
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(ANSWER_TIMEOUT_S)
        try:
            sock.connect(str(path))
            channel = Channel(sock)
            channel.send({"command": command, "arguments": arguments})
            received = channel.receive()
        except PermissionError as error:
            raise NotRunning(f"{path}: permission denied (run this as root or as the service's user)") from error
        except OSError as error:
            raise NotRunning(f"{path}: {error.strerror or error} (is the service running? systemctl status cgappliance)") from error
    if received is None:
        raise NotRunning(f"{path}: closed without an answer (see the service's log)")
    answer, _ = received
    if "error" in answer:
        raise CommandFailed(answer["error"])
    return answer["result"]


class ControlServer:
    """Serves the control socket in the supervisor."""

    def __init__(self, desk: OperatorDesk, run_dir: Path) -> None:
        """Listen at ``run_dir / control.sock``; a socket that a killed service left there is replaced.

        Raises:
            OSError: the folder cannot be made or written.
        """
        self.path = run_dir / SOCKET_NAME
        self._commands: dict[str, Callable[..., Any]] = {
            "status": desk.status,
            "reload": desk.reload,
            "sessions": desk.sessions,
            "kick": desk.kick,
            "greenlets": desk.greenlets,
            "log": desk.set_log,
            "trace": desk.trace,
        }
        run_dir.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        old_mask = os.umask(0o117)  # rw for user and group only, from the first moment
        try:
            listener.bind(str(self.path))
        finally:
            os.umask(old_mask)
        listener.listen(MAX_OPERATORS)
        self._listener = listener
        self._server = StreamServer(listener, self._serve, spawn=Pool(MAX_OPERATORS))

    def start(self) -> None:
        """Begin to answer. Does not block."""
        self._server.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        self._server.stop(timeout=1)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def fileno(self) -> int:
        """Return the listening descriptor, for a child process to close."""
        return self._listener.fileno()

    def _serve(self, sock: socket.socket, _address: object) -> None:
        channel = Channel(sock)
        sock.settimeout(ANSWER_TIMEOUT_S)
        with contextlib.suppress(OSError, ValueError):
            received = channel.receive()
            if received is not None:
                channel.send(self._answer(received[0]))

    def _answer(self, message: Message) -> Message:
        command = self._commands.get(str(message.get("command")))
        if command is None:
            return {"error": f"unknown command {message.get('command')!r} (command line and service are of different versions?)"}
        try:
            return {"result": command(**message.get("arguments", {}))}
        except (CgapplianceError, ValueError, TypeError) as error:
            return {"error": str(error)}
        except Exception:  # noqa: BLE001 - a bug in one command must not take the supervisor with it
            _log.error("control.failed", command=message.get("command"), exc_info=True)
            return {"error": "internal error (see the service's log)"}
