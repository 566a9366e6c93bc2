"""Exceptions split by blame. Each has a text that is safe for a client and a detail for the operator.

Client-safe means: no names, no paths, no addresses, no other party's words. ``str(error)`` is the operator's detail.
This file may import ``model`` only.
"""

from __future__ import annotations

from cgappliance.model import Reason


class CgapplianceError(Exception):
    """Base of all errors that the project raises on purpose; the message is the operator's detail."""

    client_text = "Service temporarily unavailable"


class ConfigurationError(CgapplianceError):
    """The operator's files are wrong; the message has a line ``file:line: key: problem (remedy)`` for each mistake."""


class PluginError(CgapplianceError):
    """A plugin broke its contract or failed to load: its tenants answer UNAVAILABLE, nobody else's."""


class LoginFailed(CgapplianceError):
    """A login cannot go on for ``reason``; raised by the ports of ``session/login.py`` and answered there."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.sentence}: {detail}" if detail else reason.sentence)
        self.reason = reason
        self.detail = detail


class PeerGone(CgapplianceError):
    """The other end closed or reset the connection, or did not keep a deadline; nothing more can be sent to it."""


class DeadlineExceeded(PeerGone):
    """The other end did not answer before the deadline of this wait."""


class Dismissed(CgapplianceError):
    """The appliance wants a client to leave that has not logged in: its tenant is going away, or the whole appliance is."""


class TlsFailed(PeerGone):
    """The TLS handshake failed; the message is OpenSSL's reason in words."""
