"""TLS contexts, one for each side, and nothing shared between them: what a client may use says nothing about Gmail.

Certificates and keys are read and checked by ``config``; the contexts here are the standard library's, because its memory BIOs
relay a third more bytes per CPU second than pyOpenSSL's and hold a third of the memory per session.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cgappliance.errors import TlsFailed
from cgappliance.model import HostPort, MailProtocol

#: ALPN names (IANA registry; "smtp" is not registered but is what other servers compare with)
ALPN: Final = {MailProtocol.IMAP: b"imap", MailProtocol.POP3: b"pop3", MailProtocol.SMTP: b"smtp"}

#: One ticket per handshake is what a client uses; OpenSSL's default of two costs 3 % of a login.
TICKETS_PER_HANDSHAKE: Final = 1


#: A session is offered for so long; servers keep the keys of their tickets for hours, and a new one costs a sixth of a login.
SESSION_MAX_AGE_S: Final = 300.0

#: A server that does not resume (it gives no tickets, or another of its machines has other keys) is not believed to begin at once.
SESSION_MIN_AGE_S: Final = 1.0


#: An end of file without close_notify is an end of file: without the second flag OpenSSL answers it with an alert and sends nothing
#: more, and a client that has only closed its own direction would lose the answers that it waits for.
BOTH_SIDES: Final = ssl.OP_NO_RENEGOTIATION | ssl.OP_IGNORE_UNEXPECTED_EOF


def server_context(certificate: Path, private_key: Path, protocol: MailProtocol) -> ssl.SSLContext:
    """Return the context of one listener: TLS 1.2 or newer, ALPN of ``protocol``. Reads the files.

    Raises:
        OSError, ssl.SSLError: the files cannot be read or do not fit (``config`` has said so in better words before).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | BOTH_SIDES
    context.num_tickets = TICKETS_PER_HANDSHAKE
    context.set_alpn_protocols([ALPN[protocol].decode()])
    context.load_cert_chain(certificate, private_key)
    return context


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context for a tenant's upstream: host name and chain checked against ``ca_file`` or the system's CAs. Reads files.

    Raises:
        OSError, ssl.SSLError: ca_file cannot be read.
    """
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= BOTH_SIDES
    return context


class UpstreamTls:
    """One upstream's context and the TLS session to resume there; all tenants that dial it the same way have it together.

    A resumed handshake costs half the CPU of a full one. Python lets one session be offered many times, so a new one is taken only
    now and then, and when the server did not resume: reading it out of a connection costs a sixth of a whole login.
    """

    __slots__ = ("_clock", "_context", "_session", "_taken_at", "server")

    def __init__(self, server: HostPort, context: ssl.SSLContext, clock: Callable[[], float] = time.monotonic) -> None:
        self.server = server
        self._context = context
        self._clock = clock
        self._session: ssl.SSLSession | None = None
        self._taken_at = float("-inf")

    def wrap(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """Return a client-side TLS object with SNI and host-name check for this upstream."""
        return self._context.wrap_bio(incoming, outgoing, server_hostname=self.server.host, session=self._session)

    def remember(self, tls: ssl.SSLObject) -> None:
        """Take the session of a connection that has read its first bytes (tickets of TLS 1.3 come with those), if one is due."""
        now = self._clock()
        if now - self._taken_at < (SESSION_MAX_AGE_S if tls.session_reused else SESSION_MIN_AGE_S):
            return
        session = tls.session
        self._session = session if session is not None and session.has_ticket else None
        self._taken_at = now


def failure(error: ssl.SSLError) -> TlsFailed:
    """Return OpenSSL's error as one of ours, in words an operator can act on."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(f"certificate not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return TlsFailed("connection closed during the handshake")
    return TlsFailed((error.reason or str(error)).replace("_", " ").lower())
