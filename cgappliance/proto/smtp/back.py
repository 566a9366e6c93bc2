"""Gmail's side of SMTP submission up to the end of the login: RFC 5321, 4954, Google's XOAUTH2.

It may import its neighbours of ``proto`` and ``model``.
"""

from __future__ import annotations

from cgappliance.model import Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto.events import Accepted
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.lineback import LineBack, Reply, Status
from cgappliance.proto.sasl import encode, plain_response, xoauth2_response
from cgappliance.proto.smtp.ehlo import Ehlo, parse_ehlo
from cgappliance.proto.smtp.refusals import reason_of
from cgappliance.proto.smtp.reply import ReplyReader

_READY = 220
_OK = 250
_AUTHENTICATED = 235
_CHALLENGE = 334


class SmtpBack(LineBack):
    """An SMTP server to log in to."""

    protocol = MailProtocol.SMTP
    command_limit = 512  # RFC 5321 section 4.5.3.1.4; RFC 4954 section 4 forbids an initial response that does not fit

    def __init__(self, ehlo_name: str, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        """Make a back.

        Args:
            ehlo_name: the appliance's own name; Gmail refuses one that is no host name.
            limits: what the upstream's replies may cost.
        """
        super().__init__(limits)
        self._ehlo_name = ehlo_name.encode("ascii")
        self._reader = ReplyReader(limits.reply_octets)
        self._lines_limit = limits.greeting_lines
        self._wanted = _READY  # the code that means done to the step that waits
        self._ehlo = Ehlo((), frozenset())

    def _reply(self, line: bytes) -> Reply | None:
        reply = self._reader.take(line, self._lines_limit)
        if reply is None:
            return None
        if reply.code == self._wanted:
            return Reply(Status.DONE, reply.whole, reply.texts)
        if reply.code == _CHALLENGE:
            return Reply(Status.GO_ON, reply.whole, reply.texts)
        return Reply(Status.FAILED, reply.whole, reply.texts, reason_of(reply.code, reply.texts))

    def _on_greeting(self, reply: Reply) -> None:
        """Introduce ourselves: the keywords are known before anybody logs in, and a warm connection has done this turn already."""
        if self._is_done(reply):
            self._wanted, self._lines_limit, self._on_reply = _OK, self._limits.reply_lines, self._on_ehlo
            self._send(b"EHLO " + self._ehlo_name)

    def _on_ehlo(self, reply: Reply) -> None:
        if self._is_done(reply):
            self._ehlo = parse_ehlo(reply.texts[1:])
            self._wanted = _AUTHENTICATED
            self._greeted()

    def _start(self, grant: Grant) -> None:
        """Send AUTH, by a mechanism that the upstream offers: a secret is not for one that does not know what to do with it."""
        if grant.mechanism is GrantMechanism.XOAUTH2 and "XOAUTH2" in self._ehlo.mechanisms:
            self._authenticate(b"XOAUTH2", [xoauth2_response(grant)])
        elif grant.mechanism is GrantMechanism.PASSWORD and "PLAIN" in self._ehlo.mechanisms:
            self._authenticate(b"PLAIN", [plain_response(grant)])
        elif grant.mechanism is GrantMechanism.PASSWORD and "LOGIN" in self._ehlo.mechanisms:
            # Without initial response: it is not in the draft that LOGIN is known by, and some servers do not take it.
            answers = (encode(grant.username.encode()), encode(grant.secret.reveal().encode()))
            self._authenticate(b"LOGIN", answers, initial=False)
        else:
            offers = " ".join(sorted(self._ehlo.mechanisms)) or "none"
            self._refuse(Reason.UPSTREAM_PROTOCOL, f"does not offer a mechanism for our credential; offers {offers}".encode())

    def _accepted(self, reply: Reply) -> None:
        self._finish(Accepted(reply.whole, ehlo=self._ehlo.keywords))
