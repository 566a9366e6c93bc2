"""The client's side of SMTP submission before login: RFC 5321, 4954 (AUTH), 2034 and 3463 (enhanced codes), 3030 (BDAT).

It may import its neighbours of ``proto`` and ``model``. It knows commands and words, not who may log in; no mail passes here.
"""

from __future__ import annotations

from collections.abc import Iterable

from cgappliance.model import MailProtocol
from cgappliance.proto.events import FrontEvent
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.linefront import CRLF, LineFront, Words
from cgappliance.proto.sasl import MECHANISMS
from cgappliance.proto.smtp.ehlo import GMAIL_KEYWORDS, offered
from cgappliance.proto.text import CLIENT_ID_CHARACTERS, printable

#: The one keyword that is ours; made of what is accepted.
AUTH_KEYWORD = f"AUTH {' '.join(MECHANISMS)}"

#: Commands of mail, and those that tell of mailboxes: after login (RFC 4954 section 6 has 530 for them).
_AFTER_LOGIN = frozenset({b"MAIL", b"RCPT", b"DATA", b"VRFY", b"EXPN", b"ETRN"})
_NOT_HERE = frozenset({b"STARTTLS", b"HELP", b"TURN"})

_AUTHENTICATE_FIRST = b"530 5.7.0 Authentication required"

#: Digits of a chunk's size. 10 GB is beyond what any upstream takes, and a number of any length would cost time to read.
_BDAT_DIGITS = 10


class SmtpFront(LineFront):
    """An SMTP client before login."""

    protocol = MailProtocol.SMTP
    words = Words(
        challenge=b"334 ",  # RFC 4954 section 4: the space is there even when nothing follows
        cancelled=b"501 5.7.0 Authentication cancelled",
        malformed=b"501 5.5.2 Cannot decode the response",
        unknown_mechanism=b"504 5.5.4 Unknown authentication mechanism",
        line_too_long=b"500 5.5.2 Line too long",
        answer_too_long=b"500 5.5.6 Authentication exchange line too long",
        too_many_commands=b"421 4.7.0 Too many commands before login, closing the connection",
        too_many_bad_commands=b"421 4.7.0 Too many errors, closing the connection",
        too_many_tries=b"421 4.7.0 Too many failed logins, closing the connection",
    )

    def __init__(self, hostname: str, ehlo: Iterable[str] = GMAIL_KEYWORDS, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        """Make a front.

        Args:
            hostname: the tenant's, for greeting and EHLO.
            ehlo: the upstream's keywords with parameters, as its last answer had them.
            limits: what the connection may cost.
        """
        super().__init__(limits.smtp_line, limits)
        self._hostname = hostname.encode("ascii")
        self._keywords = (*offered(ehlo), AUTH_KEYWORD)
        self._extended = False  # the last greeting of the client was EHLO

    def greeting(self) -> bytes:
        """Return the greeting (RFC 5321 section 4.2: the host's name comes first)."""
        return b"220 " + self._hostname + b" ESMTP cgappliance" + CRLF

    def _command(self, verb: bytes, argument: bytes) -> FrontEvent:
        match verb:
            case b"EHLO" | b"HELO":
                return self._hello(verb, argument)
            case b"AUTH":
                return self._auth(argument)
            case b"BDAT":
                return self._bdat(argument)
            case b"NOOP" | b"RSET":
                return self._say(b"250 2.0.0 OK")
            case b"QUIT":
                return self._close(b"221 2.0.0 Bye", "quit")
        if verb in _AFTER_LOGIN:
            return self._say(_AUTHENTICATE_FIRST)
        if verb in _NOT_HERE:
            return self._say(b"502 5.5.1 Not supported")
        return self._bad(b"500 5.5.1 Unknown command")

    def _hello(self, verb: bytes, argument: bytes) -> FrontEvent:
        """Take the client's name, which is not checked further: many clients do not know a proper one (RFC 5321 section 4.1.4)."""
        name = argument.strip(b" ")
        if not name or any(octet < 0x20 or octet == 0x7F for octet in name):
            return self._bad(b"501 5.5.4 " + verb + b" needs a host name")
        self.client_id = printable(name, CLIENT_ID_CHARACTERS)
        self._extended = verb == b"EHLO"
        if not self._extended:
            return self._say(b"250 " + self._hostname)
        *others, last = (self._hostname, *(line.encode("ascii") for line in self._keywords))
        return self._say(CRLF.join((*(b"250-" + line for line in others), b"250 " + last)))

    def _auth(self, argument: bytes) -> FrontEvent:
        """Begin SASL: an extension, so EHLO comes first (RFC 4954 section 4 counts on it)."""
        if not self._extended:
            return self._say(b"503 5.5.1 Send EHLO first")
        if not argument.strip(b" "):
            return self._bad(b"501 5.5.4 AUTH needs a mechanism")
        return self._start_sasl(argument)

    def _bdat(self, argument: bytes) -> FrontEvent:
        """Refuse a chunk. Its octets are on their way (RFC 3030 section 2): they are dropped, or they would be read as commands."""
        size = argument.strip(b" ").partition(b" ")[0]
        if not size.isdigit() or len(size) > _BDAT_DIGITS:
            return self._bad(b"501 5.5.4 BDAT needs a size")
        self._buffer.skip(int(size))
        return self._say(_AUTHENTICATE_FIRST)
