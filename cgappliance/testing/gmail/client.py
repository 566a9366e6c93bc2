"""The client of ``control.py``: how a test drives a look-alike that runs as a process of its own.

Blocks, cooperatively in a patched process. Asks no proxy and reads no environment.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from requests import Response, Session

TIMEOUT_S = 10.0  #: loopback; a look-alike that does not answer in this time is broken


class ControlFailed(AssertionError):
    """The look-alike refused an order; the message is its own."""


class GmailControl:
    """Orders and questions to a look-alike. The names of switches and fields are those of ``switches.py`` and ``seed.py``."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the connections to the look-alike."""
        self._session.close()

    def state(self) -> dict[str, Any]:
        """Return clock, ports and accounts."""
        return dict(self._ask("GET", "/state"))

    def add_account(self, address: str, **values: Any) -> dict[str, Any]:
        """Make an account: ``password``, ``app_passwords``, ``messages``, ``admin``, ``switches`` and the like."""
        return dict(self._ask("POST", "/accounts", {"address": address, **values}))

    def change_account(self, address: str, **values: Any) -> dict[str, Any]:
        """Change fields of an account, or its ``switches``."""
        return dict(self._ask("PATCH", f"/accounts/{address}", values))

    def remove_account(self, address: str) -> None:
        """Delete an account."""
        self._ask("DELETE", f"/accounts/{address}")

    def revoke_tokens(self, address: str) -> None:
        """Make all tokens of an account useless."""
        self._ask("DELETE", f"/accounts/{address}/tokens")

    def switch(self, server: str, **values: Any) -> dict[str, Any]:
        """Set switches of a server: "imap", "pop3", "smtp", "token", "directory" or "settings"."""
        return dict(self._ask("PATCH", f"/servers/{server}", values))

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._ask("POST", "/clock", {"advance_s": seconds})

    def end_sessions(self, kind: str) -> None:
        """End all mail sessions now, as a ``FaultKind`` says: "bye", "drop", "reset" ..."""
        self._ask("POST", "/sessions/end", {"kind": kind})

    def deliver(self, address: str, raw: bytes, folder: str = "INBOX") -> int:
        """Put a message into a folder, byte for byte, and return its number."""
        return int(self._ask("POST", _messages(address, folder), raw)["number"])

    def messages(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """Return the messages of a folder, byte for byte."""
        return [base64.b64decode(entry["raw"]) for entry in self._ask("GET", _messages(address, folder))]

    def connections(self) -> list[dict[str, Any]]:
        """Return all connections seen, with what came before login (bytes) and the logins tried."""
        return [{**record, "before_login": base64.b64decode(record["before_login"])} for record in self._ask("GET", "/connections")]

    def envelopes(self) -> list[dict[str, Any]]:
        """Return all messages that SMTP accepted, ``data`` as bytes."""
        return [{**record, "data": base64.b64decode(record["data"])} for record in self._ask("GET", "/envelopes")]

    def requests(self) -> list[dict[str, Any]]:
        """Return all requests to the token endpoint and the APIs."""
        return list(self._ask("GET", "/requests"))

    def clear_records(self) -> None:
        """Forget what was seen so far."""
        self._ask("DELETE", "/records")

    def add_service_account(self, name: str, granted: Iterable[str] | None = None) -> str:
        """Make a service account and return its key file's text."""
        values: dict[str, Any] = {"name": name} if granted is None else {"name": name, "granted": list(granted)}
        return self._send("POST", "/service-accounts", values).text

    def change_service_account(self, email: str, **values: Any) -> None:
        """Change ``granted`` (scopes), ``key_deleted`` or ``deleted`` of a service account."""
        self._ask("PATCH", f"/service-accounts/{email}", values)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None) -> Any:
        return self._send(method, path, body).json()

    def _send(self, method: str, path: str, body: Mapping[str, Any] | bytes | None) -> Response:
        content: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        response = self._session.request(method, self._base_url + path, timeout=TIMEOUT_S, **content)
        if response.status_code != 200:
            raise ControlFailed(f"{method} {path}: {response.status_code} {response.text.strip()}")
        return response


def _messages(address: str, folder: str) -> str:
    return f"/accounts/{address}/messages?folder={quote(folder)}"
