"""Gmail's side of IMAP: greeting, then one login with what the appliance has for the account.

It may import ``model`` and the modules of ``proto``. Rules: nothing of a credential is built before the server has greeted as an
IMAP server does; whatever a server says is bounded; its words reach logs through ``text.said`` only, with our secret masked.
"""

from __future__ import annotations

import enum
import re

from cgappliance.model import Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto import sasl
from cgappliance.proto.buffer import LineBuffer, TooLong
from cgappliance.proto.events import Accepted, BackEvent, Greeted, NeedData, Refused, Send
from cgappliance.proto.imap.refusals import reason_of
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.text import said

TAG = b"A1"

_STATUS = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)(?: |$)", re.IGNORECASE)
#: What an upstream's line may hold to be handed to a client as it is.
_FIT_CAPABILITY = re.compile(rb"(?i:\* CAPABILITY) +[!-~][ -~]*")


class _Stage(enum.Enum):
    CONNECTED = "connected"
    GREETED = "greeted"
    LOGGING_IN = "logging in"
    FINISHED = "finished"


class ImapBack:
    """One connection to Gmail. See ``events.Back`` for what each method promises."""

    protocol = MailProtocol.IMAP

    def __init__(self, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = LineBuffer()
        self._stage = _Stage.CONNECTED
        self._grant: Grant | None = None
        self._response_due = False  # the server has not been given the SASL message yet
        self._challenged = False
        self._to_send = b""
        self._remarks: list[bytes] = []  # untagged NO, BAD and alerts, and the error challenge: they explain the final line
        self._capability: list[bytes] = []
        self._lines = 0
        self._octets = 0
        self._refused: Refused | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes from the upstream; after a refusal they are dropped."""
        if self._refused is None:
            self._buffer.feed(data)

    def next_event(self) -> BackEvent:
        """Return what to do next; after Refused always the same Refused."""
        while self._refused is None and self._stage is not _Stage.FINISHED:
            if self._to_send:
                data, self._to_send = self._to_send, b""
                return Send(data)
            line = self._next_line()
            if line is None:
                break
            event = self._read(line)
            if event is not None:
                return event
        return self._refused or NeedData()

    def login(self, grant: Grant) -> None:
        """Start the login, with the SASL message in the command where the line allows it (RFC 4959).

        Raises:
            RuntimeError: the server has not greeted, or a login was started before.
        """
        if self._stage is not _Stage.GREETED:
            raise RuntimeError("a login starts once, after Greeted")
        while (line := self._next_line()) is not None:  # said before we asked: untagged lines, or no answer to us
            self._read(line)
        if self._refused is not None:
            return
        self._stage = _Stage.LOGGING_IN
        self._grant = grant
        if not sasl.fits_a_login(grant):
            self._refuse(Reason.PROVIDER_FAILED, b"not sent: the user name or secret holds a line break or NUL")
            return
        mechanism = b"XOAUTH2" if grant.mechanism is GrantMechanism.XOAUTH2 else b"PLAIN"
        command = TAG + b" AUTHENTICATE " + mechanism
        whole = command + b" " + _sasl_message(grant) + b"\r\n"
        self._response_due = len(whole) > self._limits.imap_command
        self._to_send = command + b"\r\n" if self._response_due else whole

    def unread(self) -> bytes:
        """Return, once, what the server sent behind its final line."""
        return self._buffer.unread()

    def _next_line(self) -> bytes | None:
        """Return the next line, or None when more bytes are needed or the server has been given up."""
        if self._refused is not None:
            return None
        try:
            return self._buffer.next_line(self._limits.reply_line)
        except TooLong:
            self._refuse(Reason.UPSTREAM_PROTOCOL, b"a line longer than any IMAP server sends before login")
            return None

    def _read(self, line: bytes) -> BackEvent | None:
        """Take one line; return None when it needs no action."""
        self._lines += 1
        self._octets += len(line)
        if self._lines > self._limits.reply_lines or self._octets > self._limits.reply_octets:
            return self._refuse(Reason.UPSTREAM_PROTOCOL, b"more untagged lines than any IMAP server sends before login")
        if self._stage is _Stage.CONNECTED:
            return self._greeting(line)
        if line.startswith(b"* "):
            return self._untagged(line)
        if self._stage is _Stage.LOGGING_IN and line.startswith(b"+"):
            return self._challenge(line[1:].strip())
        if self._stage is _Stage.LOGGING_IN and line.startswith(TAG + b" "):
            return self._final(line[len(TAG) + 1 :])
        return self._refuse(Reason.UPSTREAM_PROTOCOL, line)

    def _greeting(self, line: bytes) -> BackEvent:
        """RFC 3501 7.1. PREAUTH would be somebody's mailbox, but nobody knows whose."""
        match _status(line[2:]) if line.startswith(b"* ") else "":
            case "OK":
                self._stage = _Stage.GREETED
                return Greeted()
            case "BYE" | "NO":
                return self._refuse(reason_of([line[2:].partition(b" ")[2]], Reason.UPSTREAM_TEMPORARY), line)
        return self._refuse(Reason.UPSTREAM_PROTOCOL, line)

    def _untagged(self, line: bytes) -> BackEvent | None:
        """Keep what explains a refusal and what the client may see; BYE ends it, also while a warm connection waits."""
        status, text = _status(line[2:]), line[2:].partition(b" ")[2]
        if status == "BYE":
            return self._refuse(reason_of([text, *self._remarks], Reason.UPSTREAM_TEMPORARY), line)
        if status in {"NO", "BAD"}:
            self._remarks.append(text)
        elif self._stage is _Stage.LOGGING_IN and _FIT_CAPABILITY.fullmatch(line):
            self._capability.append(line + b"\r\n")
        return None

    def _challenge(self, challenge: bytes) -> BackEvent | None:
        """Answer a challenge: with the SASL message where it was left out, else it is the error challenge (see ``sasl``).

        That one must be answered before the server tells its refusal: for XOAUTH2 with an empty line; PLAIN has none: ``*``.
        """
        grant = self._grant
        if grant is None or self._challenged:
            return self._refuse(Reason.UPSTREAM_PROTOCOL, b"+ " + challenge)
        if self._response_due and sasl.error_challenge(challenge) is None:
            self._response_due = False
            self._to_send = _sasl_message(grant) + b"\r\n"
            return None
        self._challenged = True
        self._remarks.append((sasl.error_challenge(challenge) or "").encode() or challenge or b"empty challenge")
        self._to_send = b"\r\n" if grant.mechanism is GrantMechanism.XOAUTH2 else b"*\r\n"
        return None

    def _final(self, text: bytes) -> BackEvent:
        """Take the tagged line. NO without a word that is known means the credential: RFC 3501 6.2.2 has it for nothing else.

        BAD is never about the credential: our command was not understood, which asking again with a fresh token does not mend.
        """
        match _status(text):
            case "OK":
                accepted = Accepted(text, b"".join(self._capability))
                self._finish()
                return accepted
            case "NO":
                reasons = [text.partition(b" ")[2], *self._remarks]
                return self._refuse(reason_of(reasons, Reason.CREDENTIAL_REFUSED), text)
        return self._refuse(Reason.UPSTREAM_PROTOCOL, text)

    def _refuse(self, reason: Reason, words: bytes) -> Refused:
        text = said(b"; ".join([words, *self._remarks]), _forms(self._grant))
        self._refused = Refused(reason, text)
        self._buffer.unread()
        self._finish()
        return self._refused

    def _finish(self) -> None:
        """Let go of the credential: nothing is sent any more."""
        self._stage = _Stage.FINISHED
        self._grant = None
        self._to_send = b""


def _status(text: bytes) -> str:
    found = _STATUS.match(text)
    return found[1].decode("ascii").upper() if found else ""


def _sasl_message(grant: Grant) -> bytes:
    return sasl.xoauth2_response(grant) if grant.mechanism is GrantMechanism.XOAUTH2 else sasl.plain_response(grant)


def _forms(grant: Grant | None) -> list[str]:
    """Return the forms in which the server has seen the credential and could repeat it."""
    return [grant.secret.reveal(), _sasl_message(grant).decode("ascii")] if grant else []
