"""Gmail's side of POP3 up to the end of the login: RFC 1939, 5034, Google's XOAUTH2.

It may import its neighbours of ``proto`` and ``model``.

Gmail may let a login pass and say only at the first command that POP is switched off for the account (``-ERR [SYS/PERM] Your
account is not enabled for POP access`` to STAT). That is behind this file's work and reaches the client as Gmail said it.
"""

from __future__ import annotations

from cgappliance.model import Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto.lineback import Garbled, LineBack, Reply, Status
from cgappliance.proto.pop3.refusals import reason_of
from cgappliance.proto.sasl import xoauth2_response


class Pop3Back(LineBack):
    """A POP3 server to log in to."""

    protocol = MailProtocol.POP3
    command_limit = 255  # RFC 5034 section 4, by RFC 2449 section 4: a longer initial response is sent in a second step

    def _reply(self, line: bytes) -> Reply | None:
        if line.startswith(b"+OK"):
            return Reply(Status.DONE, line)
        if line.startswith(b"-ERR"):
            return Reply(Status.FAILED, line, reason=reason_of(line, uncoded=self._uncoded()))
        if line.startswith(b"+ ") or line == b"+":  # some servers leave out the space when nothing follows
            return Reply(Status.GO_ON, line, (line[2:],))
        raise Garbled("sent a line that is no POP3 reply")

    def _uncoded(self) -> Reason:
        """Return what a -ERR with neither code nor known words means here.

        Behind a credential it is a wrong one: RFC 1939 section 7 knows only that and a locked maildrop. Before any was shown it is
        a server that serves nobody now, and to AUTH alone one without the mechanism.
        """
        if self._grant is None:
            return Reason.UPSTREAM_TEMPORARY
        return Reason.UPSTREAM_PROTOCOL if self._answers else Reason.CREDENTIAL_REFUSED

    def _start(self, grant: Grant) -> None:
        """Send AUTH XOAUTH2, or USER: as with Gmail, every server has USER and PASS, and few a PLAIN without surprises."""
        if grant.mechanism is GrantMechanism.XOAUTH2:
            self._authenticate(b"XOAUTH2", [xoauth2_response(grant)])
        else:
            self._on_reply = self._on_user
            self._send(b"USER " + grant.username.encode())

    def _on_user(self, reply: Reply) -> None:
        if self._is_done(reply) and self._grant is not None:
            self._on_reply = self._on_pass
            self._send(b"PASS " + self._grant.secret.reveal().encode())

    def _on_pass(self, reply: Reply) -> None:
        if self._is_done(reply):
            self._accepted(reply)
