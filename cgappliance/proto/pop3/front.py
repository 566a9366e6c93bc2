"""The client's side of POP3 before login: RFC 1939, 2449 (CAPA), 5034 (AUTH), 3206 (response codes).

It may import its neighbours of ``proto`` and ``model``. It knows commands and words, not who may log in.
"""

from __future__ import annotations

from cgappliance.model import MailProtocol
from cgappliance.proto.events import FrontEvent
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.linefront import CRLF, LineFront, Words
from cgappliance.proto.sasl import MECHANISMS, credentials

#: What CAPA says: of the login what this file accepts, of the mailbox what Gmail has, because few clients ask again after login.
#:
#: AUTH-RESP-CODE speaks of failed logins alone, which are ours; Gmail lacks it, but nobody reaches Gmail without a login.
#: EXPIRE and LOGIN-DELAY are Gmail's policy, said in its words. Left out: X-GOOGLE-RICO (undocumented), PIPELINING, STLS, UTF8
#: and LANG (Gmail lacks them), SASL XOAUTH2 and OAUTHBEARER (tokens that clients bring are refused).
CAPABILITIES = (
    "USER",
    f"SASL {' '.join(MECHANISMS)}",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "TOP",
    "UIDL",
    "EXPIRE 0",
    "LOGIN-DELAY 300",
)

#: Commands that exist, but not before login or not here (RFC 1939 section 7: APOP needs the password in the clear at the server).
_NOT_NOW = frozenset({b"STAT", b"LIST", b"RETR", b"DELE", b"NOOP", b"RSET", b"TOP", b"UIDL", b"LAST"})
_NOT_HERE = frozenset({b"APOP", b"STLS"})


class Pop3Front(LineFront):
    """A POP3 client before login."""

    protocol = MailProtocol.POP3
    words = Words(
        challenge=b"+ ",
        cancelled=b"-ERR Authentication cancelled",
        malformed=b"-ERR Cannot decode the response",
        unknown_mechanism=b"-ERR Unknown authentication mechanism",
        line_too_long=b"-ERR Line too long",
        answer_too_long=b"-ERR Authentication response too long",
        too_many_commands=b"-ERR Too many commands before login",
        too_many_bad_commands=b"-ERR Too many unknown commands",
        too_many_tries=b"",  # the -ERR of the refusal is the answer; POP3 says nothing unasked
    )

    def __init__(self, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        super().__init__(limits.pop3_line, limits)
        self._name: bytes | None = None  # of the last USER

    def greeting(self) -> bytes:
        """Return the greeting, without the time stamp that would offer APOP (RFC 1939 section 7)."""
        return b"+OK cgappliance ready" + CRLF

    def _command(self, verb: bytes, argument: bytes) -> FrontEvent:
        match verb:
            case b"CAPA":
                return self._list(b"+OK Capability list follows", CAPABILITIES)
            case b"USER":
                return self._user(argument)
            case b"PASS":
                return self._pass(argument)
            case b"AUTH":
                return self._auth(argument)
            case b"QUIT":
                return self._close(b"+OK Bye", "quit")
        if verb in _NOT_NOW:
            return self._say(b"-ERR Log in first")
        if verb in _NOT_HERE:
            return self._say(b"-ERR Not supported")
        return self._bad(b"-ERR Unknown command")

    def _user(self, name: bytes) -> FrontEvent:
        """Keep the name; the answer is the same for every name (RFC 1939 section 7 allows that)."""
        if not name:
            return self._bad(b"-ERR USER needs a mail address")
        self._name = name
        return self._say(b"+OK Send PASS")

    def _pass(self, password: bytes) -> FrontEvent:
        """Attempt a login; the password is the rest of the line, spaces included (RFC 1939 section 7)."""
        if self._name is None:
            return self._say(b"-ERR Send USER first")
        name, self._name = self._name, None
        return self._attempt(credentials(name, password, "USER", self.protocol))

    def _auth(self, argument: bytes) -> FrontEvent:
        """Begin SASL. Bare AUTH lists the mechanisms: older than RFC 5034, and some clients still ask that way."""
        self._name = None
        if not argument.strip(b" "):
            return self._list(b"+OK Mechanisms follow", tuple(MECHANISMS))
        return self._start_sasl(argument)

    def _list(self, first: bytes, items: tuple[str, ...]) -> FrontEvent:
        return self._say(CRLF.join((first, *(item.encode("ascii") for item in items), b".")))
