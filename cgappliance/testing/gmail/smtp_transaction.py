"""The mail transactions of an SMTP session that is logged in: MAIL, RCPT, DATA, BDAT, RSET.

Accepted messages are recorded with their envelopes byte for byte (dots unstuffed) and delivered so to the recipients that exist
here; nothing is added, so that tests can compare.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cgappliance.testing.gmail.mailbox import SENT
from cgappliance.testing.gmail.records import Envelope
from cgappliance.testing.gmail.wire import Hangup, LineTooLong

if TYPE_CHECKING:
    from cgappliance.testing.gmail.smtp import SmtpSession

SIZE_LIMIT_BYTES = 35882577
RECIPIENT_LIMIT = 100
PATH = re.compile(r"(FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE)


@dataclass(slots=True)
class Transaction:
    """One message on its way."""

    sender: str
    parameters: tuple[str, ...]
    recipients: list[str] = field(default_factory=list)
    chunks: list[bytes] | None = None  #: set by the first BDAT


class Transactions:
    """The transactions of one session, one after the other."""

    def __init__(self, session: SmtpSession) -> None:
        self._session = session
        self._current: Transaction | None = None
        self.commands: dict[str, Callable[[str], None]] = {
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
        }

    def reset(self) -> None:
        """Forget the current transaction, as EHLO does too (RFC 5321 4.1.4)."""
        self._current = None

    def _mail(self, argument: str) -> None:
        match = PATH.fullmatch(argument)
        if not self._session.helo:
            self._session.say("503 5.5.1 EHLO/HELO first. {id}")
        elif self._session.account is None:
            self._session.say(
                "530-5.7.0 Authentication Required. For more information, go to",
                "530 5.7.0  https://support.google.com/mail/?p=WantAuthError {id}",
            )
        elif self._current is not None:
            self._session.say("503 5.5.1 Another transaction is in progress. {id}")
        elif match is None or match[1].upper() != "FROM":
            self._session.say("555 5.5.2 Syntax error. {id}")
        elif self._too_big(match[3]):
            self._session.say("552 5.3.4 Your message exceeded Google's message size limits. {id}")
        else:
            self._current = Transaction(match[2], tuple(match[3].split()))
            self._session.say("250 2.1.0 OK {id}")

    def _too_big(self, parameters: str) -> bool:
        sizes = [word[5:] for word in parameters.split() if word.upper().startswith("SIZE=")]
        return any(not size.isdigit() or int(size) > SIZE_LIMIT_BYTES for size in sizes)

    def _rcpt(self, argument: str) -> None:
        match = PATH.fullmatch(argument)
        if self._current is None:
            self._session.say("503 5.5.1 MAIL first. {id}")
        elif match is None or match[1].upper() != "TO" or not match[2]:
            self._session.say("555 5.5.2 Syntax error. {id}")
        elif len(self._current.recipients) >= RECIPIENT_LIMIT:
            self._session.say("452 4.5.3 Your message has too many recipients. {id}")
        else:
            self._current.recipients.append(match[2])
            self._session.say("250 2.1.5 OK {id}")

    def _data(self, _argument: str) -> None:
        transaction = self._ready()
        if transaction is None:
            return
        if transaction.chunks is not None:
            self._session.say("503 5.5.1 No DATA after BDAT. {id}")
            return
        self._session.say("354 Go ahead {id}")
        try:
            data = self._read_data()
        except LineTooLong:
            self._session.say("552 5.3.4 Your message exceeded Google's message size limits. {id}")
            raise Hangup("message too big") from None
        self._accept(transaction, data, chunked=False)

    def _read_data(self) -> bytes:
        """Return the message behind 354: up to the line with a dot alone, the other dots unstuffed (RFC 5321 4.5.2)."""
        self._session.wire.unread(b"\r\n")  # an empty message is a dot alone: its line begins where the data begin
        stuffed = self._session.wire.read_until(b"\r\n.\r\n", SIZE_LIMIT_BYTES) + b"\r\n"
        return stuffed.replace(b"\r\n.", b"\r\n")[2:]

    def _bdat(self, argument: str) -> None:
        size, _, last = argument.partition(" ")
        if not size.isdigit() or int(size) > SIZE_LIMIT_BYTES or last.upper() not in ("", "LAST"):
            self._session.say("501 5.5.4 Syntax error in BDAT {id}")
            raise Hangup("bad BDAT: the octets that follow cannot be told from commands")
        chunk = self._session.wire.read_exact(int(size))  # also when it is refused (RFC 3030 2)
        transaction = self._ready()
        if transaction is None:
            return
        transaction.chunks = [*(transaction.chunks or []), chunk]
        if sum(map(len, transaction.chunks)) > SIZE_LIMIT_BYTES:
            self._current = None
            self._session.say("552 5.3.4 Your message exceeded Google's message size limits. {id}")
        elif last:
            self._accept(transaction, b"".join(transaction.chunks), chunked=True)
        else:
            self._session.say(f"250 2.0.0 OK {size} octets received {{id}}")

    def _ready(self) -> Transaction | None:
        """Return the transaction when it has recipients; else the client has been told what is missing."""
        if self._current is None:
            self._session.say("503 5.5.1 MAIL first. {id}")
        elif not self._current.recipients:
            self._session.say("503 5.5.1 RCPT first. {id}")
        else:
            return self._current
        return None

    def _accept(self, transaction: Transaction, data: bytes, *, chunked: bool) -> None:
        session, state = self._session, self._session.state
        assert session.account is not None
        self._current = None
        login, recipients = session.account.address, tuple(transaction.recipients)
        state.records.envelopes.append(
            Envelope(login, session.helo, transaction.sender, recipients, transaction.parameters, data, chunked)
        )
        now = state.clock.now()
        session.account.mailbox.deliver(data, now, folder=SENT, flags=frozenset({"\\Seen"}))
        for recipient in recipients:
            account = state.directory.find(recipient)
            if account is not None:
                account.mailbox.deliver(data, now)
        session.say(f"250 2.0.0 OK  {int(time.time())} {{id}}")

    def _rset(self, _argument: str) -> None:
        self._current = None
        self._session.say("250 2.1.5 Flushed {id}")
