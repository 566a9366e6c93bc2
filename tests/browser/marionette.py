"""Marionette, Mozilla's remote control: enough of it to run script inside Thunderbird. JSON with its length in front, over TCP.

https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ANSWER_TIMEOUT_S: Final = 30.0  #: a dialog that nobody answers makes Marionette silent for ever
MESSAGE_MAX_BYTES: Final = 16 * 1024 * 1024  #: a screenshot has some hundred kilobytes

#: Calls the script's last argument when a promise is settled; the error comes back as text.
ASYNC: Final = """
const done = arguments[arguments.length - 1], given = Array.from(arguments).slice(0, -1);
(async args => { %s })(given).then(value => done({value}), error => done({error: String(error)}));
"""


class ScriptFailed(AssertionError):
    """What ran inside the program threw an error; the message is the error's."""


class Marionette:
    """``with Marionette(port) as inside:`` is a session in the program's own window."""

    def __init__(self, port: int) -> None:
        """Connect and begin a session. Blocks until the program has its window."""
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
        self._read = b""
        self._number = 0
        self._receive()  # its greeting
        self._command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        self._command("Marionette:SetContext", {"value": "chrome"})

    def run(self, script: str, *values: Any) -> Any:
        """Return what a script's ``return`` gives; it may ``await``, and has ``values`` in ``args``.

        Raises:
            ScriptFailed: it threw an error.
        """
        parameters = {"script": ASYNC % script, "args": list(values), "newSandbox": True}
        answer = self._command("WebDriver:ExecuteAsyncScript", parameters)["value"]
        if "error" in answer:
            raise ScriptFailed(answer["error"])
        return answer.get("value")

    def keep_picture(self, path: Path) -> None:
        """Write a screenshot of the window."""
        shot = self._command("WebDriver:TakeScreenshot", {"full": False, "hash": False})
        path.write_bytes(base64.b64decode(shot["value"]))

    def close(self) -> None:
        """Leave; the program goes on."""
        self._sock.close()

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        body = json.dumps([0, self._number, name, parameters]).encode()
        self._sock.sendall(b"%d:%b" % (len(body), body))
        _kind, number, error, result = self._receive()
        assert number == self._number, "an answer to something else"
        if error is not None:
            raise ScriptFailed(f"{name}: {error['error']}: {error['message']}")
        return result

    def _receive(self) -> Any:
        while b":" not in self._read:
            self._more()
        length, _, self._read = self._read.partition(b":")
        assert int(length) <= MESSAGE_MAX_BYTES
        while len(self._read) < int(length):
            self._more()
        body, self._read = self._read[: int(length)], self._read[int(length) :]
        return json.loads(body)

    def _more(self) -> None:
        data = self._sock.recv(65_536)
        if not data:
            raise ScriptFailed("the program has closed the connection")
        self._read += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
