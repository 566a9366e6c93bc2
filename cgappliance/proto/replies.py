"""The one table from an outcome to what a client hears, in all three protocols (DESIGN section 5), and the farewells.

It may import ``model`` and ``events``. Its rule: texts are constants. Nothing of a login, an upstream or a configuration reaches
a client through here, so two refusals cannot be told apart by their words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.proto.events import Farewell


@dataclass(frozen=True, slots=True)
class Reply:
    """One outcome in three protocols: the code of each, and the text that they share."""

    imap: str
    pop3: str
    smtp: str
    text: str

    def line(self, protocol: MailProtocol) -> bytes:
        """Return code and text of one protocol, without IMAP's tag and without CRLF."""
        code = {MailProtocol.IMAP: self.imap, MailProtocol.POP3: self.pop3, MailProtocol.SMTP: self.smtp}[protocol]
        return f"{code} {self.text}".encode("ascii")


#: Codes: IMAP RFC 5530, POP3 RFC 2449 and 3206, SMTP RFC 3463, 4954 and 5248. SMTP has no code for a permanent fault of ours at
#: login that would not make the client ask for the password again: MISCONFIGURED is 454 as well.
REPLIES: Mapping[Outcome, Reply] = MappingProxyType(
    {
        Outcome.REFUSED: Reply(
            "NO [AUTHENTICATIONFAILED]", "-ERR [AUTH]", "535 5.7.8", "You are not allowed to access this server"
        ),
        Outcome.UNAVAILABLE: Reply(
            "NO [UNAVAILABLE]", "-ERR [SYS/TEMP]", "454 4.7.0", "The service is temporarily unavailable, please try again later"
        ),
        Outcome.MISCONFIGURED: Reply(
            "NO [CONTACTADMIN]",
            "-ERR [SYS/PERM]",
            "454 4.7.0",
            "Mail access is not set up correctly, please tell your administrator",
        ),
        Outcome.LIMITED: Reply("NO [LIMIT]", "-ERR [IN-USE]", "421 4.7.0", "Too many connections, please close some and try again"),
        Outcome.THROTTLED: Reply("NO [LIMIT]", "-ERR [LOGIN-DELAY]", "451 4.3.2", "Too many attempts, please try again later"),
        Outcome.SHUTDOWN: Reply("* BYE", "-ERR [SYS/TEMP]", "421 4.3.2", "The service is restarting, please connect again"),
    }
)

#: What ends a connection that has no login pending. POP3 says nothing at a time-out (RFC 1939 section 3).
FAREWELLS: Mapping[Farewell, Reply] = MappingProxyType(
    {
        Farewell.TIMEOUT: Reply("* BYE", "", "421 4.4.2", "Waited too long for a login, closing the connection"),
        Farewell.SHUTDOWN: REPLIES[Outcome.SHUTDOWN],
        Farewell.CONNECTION_LIMIT: Reply("* BYE", "-ERR [IN-USE]", "421 4.7.0", REPLIES[Outcome.LIMITED].text),
    }
)


def refusal(protocol: MailProtocol, reason: Reason) -> bytes:
    """Return the answer to a login that failed for ``reason``, without IMAP's tag and without CRLF.

    An IMAP answer that starts with ``*`` (shutdown) takes no tag.

    Raises:
        ValueError: the reason is no failure (our bug).
    """
    if reason.outcome is Outcome.ACCEPTED:
        raise ValueError("an accepted login has no refusal")
    return REPLIES[reason.outcome].line(protocol)


def ends_connection(protocol: MailProtocol, reason: Reason) -> bool:
    """Tell whether that answer says that the connection closes: ``* BYE``, SMTP's 421 (RFC 5321 4.2.1), or a shutdown."""
    return reason.outcome is Outcome.SHUTDOWN or refusal(protocol, reason).startswith((b"* BYE", b"421"))


def farewell(protocol: MailProtocol, why: Farewell) -> bytes:
    """Return the last words, with CRLF, for a connection that the appliance ends; empty where the protocol wants silence."""
    if protocol is MailProtocol.POP3 and why is Farewell.TIMEOUT:
        return b""
    return FAREWELLS[why].line(protocol) + b"\r\n"
