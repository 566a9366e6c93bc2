"""pop.gmail.com:995 as Gmail speaks it: RFC 1939 with Gmail's CAPA list, its texts and its "popped" messages.

A message that was RETRieved in a session which ends with QUIT is hidden from later sessions, also without DELE; TOP does not
count; ``recent:`` in front of the user name shows the last 30 days whatever was fetched, and hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.directory import Account
from cgappliance.testing.gmail.login import off_for
from cgappliance.testing.gmail.mailbox import TRASH, Message
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE, TOKEN_MECHANISMS, BadMessage, Bearer, Plain, decode
from cgappliance.testing.gmail.session import Session
from cgappliance.testing.gmail.switches import Refusal
from cgappliance.testing.gmail.wire import Hangup, LineTooLong

CAPABILITIES = (
    "USER",
    "RESP-CODES",
    "EXPIRE 0",
    "LOGIN-DELAY 300",
    "TOP",
    "UIDL",
    "X-GOOGLE-RICO",
    "SASL PLAIN XOAUTH2 OAUTHBEARER",
)
MESSAGES_PER_SESSION = 250  #: Gmail shows about so many at a time
RECENT_S = 30 * 86400.0

OFF_FOR_USER = (
    "[SYS/PERM] Your account is not enabled for POP access. "
    "Please visit your Gmail settings page and enable your account for POP access."
)
REFUSALS = {
    Refusal.BAD_CREDENTIALS: "[AUTH] Username and password not accepted.",
    Refusal.APP_PASSWORD_REQUIRED: "[AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833",
    Refusal.WEB_LOGIN: "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
    Refusal.OFF_FOR_USER: OFF_FOR_USER,
    Refusal.OFF_FOR_DOMAIN: "[SYS/PERM] POP access is disabled for your domain. Please contact your domain administrator.",
    Refusal.TOO_MANY_CONNECTIONS: "[IN-USE] Too many simultaneous connections.",
    Refusal.UNAVAILABLE: "[SYS/TEMP] Temporary system problem. Please try again later.",
    Refusal.OVERQUOTA: "[AUTH] Account exceeded pop command or bandwidth limits (Failure)",
    Refusal.IN_USE: "[IN-USE] Unable to lock maildrop: mailbox is locked by another POP session",
    Refusal.TOO_FAST: "[LOGIN-DELAY] Minimum time between logins not met",
}


class Pop3Session(Session):
    """One POP3 session."""

    protocol = MailProtocol.POP3
    farewell: ClassVar[bytes] = b"-ERR [SYS/TEMP] Temporary system problem. Please try again later.\r\n"
    farewell_expired: ClassVar[bytes] = b"-ERR [SYS/TEMP] Session expired, please login again.\r\n"
    farewell_overquota: ClassVar[bytes] = b"-ERR [SYS/TEMP] Account exceeded pop command or bandwidth limits (Failure)\r\n"

    def greet(self) -> None:
        """Send Gmail's greeting with the client's address."""
        host = self.wire.record.peer.rpartition(":")[0]
        self.say(f"+OK Gpop ready for requests from {host} {self.id}")

    def serve(self) -> None:
        """Log the client in, then show its mail."""
        if self._log_in():
            assert self.account is not None
            Maildrop(self, self.account).serve()

    def say(self, line: str) -> None:
        """Send one line."""
        self.send(f"{line}\r\n".encode())

    def say_lines(self, first: str, lines: tuple[str, ...] | list[str]) -> None:
        """Send a multi-line answer of lines that do not start with a dot."""
        self.send("".join(f"{line}\r\n" for line in (first, *lines, ".")).encode())

    def next_command(self) -> tuple[str, str]:
        """Return the next command's verb, upper case, and its argument: the rest of the line, spaces and all."""
        try:
            verb, _, argument = self.wire.read_line().decode("utf-8", "replace").partition(" ")
        except LineTooLong:
            self.say("-ERR line too long")
            raise Hangup("line too long") from None
        self.note_command(verb.upper())
        return verb.upper(), argument

    def capa(self) -> None:
        """Answer CAPA."""
        self.say_lines("+OK Capability list follows", CAPABILITIES)

    def _log_in(self) -> bool:
        """Answer commands until the client is in (True) or has quit (False)."""
        username = ""
        while self.account is None:
            verb, argument = self.next_command()
            match verb:
                case "USER" if argument:
                    username = argument
                    self.say("+OK send PASS")
                case "PASS" if username:
                    self._answer("USER", Plain(username, argument))
                case "AUTH" if argument:
                    self._auth(argument)
                case "CAPA":
                    self.capa()
                case "QUIT":
                    self.say("+OK Farewell.")
                    return False
                case _:
                    self.say("-ERR bad command")
        return True

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        if mechanism not in ("PLAIN", *TOKEN_MECHANISMS):
            self.say("-ERR Unrecognized authentication type")
            return
        if not initial:
            self.say("+ ")
        line = initial.encode() if initial else self.wire.read_line()
        if line == b"*":
            self.say("-ERR Authentication cancelled")
            return
        try:
            message = decode(mechanism, line)
        except BadMessage as error:
            self.say(f"-ERR malformed: {error}")
            return
        self._answer(mechanism, message)

    def _answer(self, mechanism: str, message: Plain | Bearer) -> None:
        refusal = self.try_login(mechanism, message)
        if refusal is None:
            self.say("+OK Welcome.")
            return
        if refusal is Refusal.BAD_CREDENTIALS and isinstance(message, Bearer):
            self.say(f"+ {TOKEN_CHALLENGE}")
            self.wire.read_line()  # the client's empty answer
        self.say(f"-ERR {REFUSALS[refusal]}")


class Maildrop:
    """The transaction state: what one logged-in client sees and does."""

    def __init__(self, session: Pop3Session, account: Account) -> None:
        self._session = session
        self._account = account
        self._messages = self._visible()
        self._deleted: set[int] = set()
        self._popped: set[int] = set()
        self._commands: dict[str, Callable[[str], None]] = {
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "TOP": self._top,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": lambda _: session.say("+OK"),
            "CAPA": lambda _: session.capa(),
            "LAST": lambda _: session.say("-ERR Not supported"),
        }

    def serve(self) -> None:
        """Answer commands until QUIT; only QUIT makes changes real."""
        while True:
            verb, argument = self._session.next_command()
            if verb == "QUIT":
                self._commit()
                self._session.say("+OK Farewell.")
                return
            if self._is_off():
                self._session.say(f"-ERR {OFF_FOR_USER}")
                continue
            command = self._commands.get(verb)
            if command is None:
                self._session.say("-ERR bad command")
            else:
                command(argument)

    def _is_off(self) -> bool:
        return self._account.switches.pop_off_at == "stat" and bool(off_for(MailProtocol.POP3, self._account))

    def _visible(self) -> list[Message]:
        messages = [entry.message for entry in self._account.mailbox.folders["INBOX"].entries]
        if self._session.recent:
            oldest = self._session.state.clock.now() - RECENT_S
            return [message for message in messages if message.received_at >= oldest]
        return [message for message in messages if not message.popped][:MESSAGES_PER_SESSION]

    def _numbered(self) -> list[tuple[int, Message]]:
        return [(number, message) for number, message in enumerate(self._messages, 1) if number not in self._deleted]

    def _find(self, argument: str) -> tuple[int, Message] | None:
        """Return the message of this number; None when there is none, and the client has been told."""
        for number, message in self._numbered():
            if argument == str(number):
                return number, message
        self._session.say("-ERR Message number out of range.")
        return None

    def _stat(self, _argument: str) -> None:
        self._session.say(f"+OK {len(self._numbered())} {self._total()}")

    def _total(self) -> int:
        return sum(len(message.raw) for _, message in self._numbered())

    def _list(self, argument: str) -> None:
        self._scan(
            argument, f"+OK {len(self._numbered())} messages ({self._total()} octets)", lambda message: str(len(message.raw))
        )

    def _uidl(self, argument: str) -> None:
        self._scan(argument, "+OK", lambda message: f"GmailId{message.number:x}")

    def _scan(self, argument: str, heading: str, show: Callable[[Message], str]) -> None:
        if not argument:
            self._session.say_lines(heading, [f"{number} {show(message)}" for number, message in self._numbered()])
        elif found := self._find(argument):
            self._session.say(f"+OK {found[0]} {show(found[1])}")

    def _retr(self, argument: str) -> None:
        if found := self._find(argument):
            self._popped.add(found[0])
            self._send_message(found[1].raw)

    def _top(self, argument: str) -> None:
        number, _, count = argument.partition(" ")
        if not count.isdigit():
            self._session.say("-ERR bad command")
        elif found := self._find(number):
            head, separator, body = found[1].raw.partition(b"\r\n\r\n")
            lines = body.split(b"\r\n")[: int(count)]
            self._send_message(head + separator + b"".join(line + b"\r\n" for line in lines))

    def _send_message(self, raw: bytes) -> None:
        stuffed = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
        end = b".\r\n" if not raw or raw.endswith(b"\r\n") else b"\r\n.\r\n"
        self._session.send(b"+OK message follows\r\n" + stuffed + end)

    def _dele(self, argument: str) -> None:
        if found := self._find(argument):
            self._deleted.add(found[0])
            self._session.say("+OK marked for deletion")

    def _rset(self, _argument: str) -> None:
        self._deleted.clear()
        self._popped.clear()
        self._session.say("+OK")

    def _commit(self) -> None:
        """Hide what was fetched or deleted from later sessions, and treat Gmail's copy as the account's setting says."""
        if self._session.recent:
            return
        for number in self._popped | self._deleted:
            self._dispose(self._messages[number - 1])

    def _dispose(self, message: Message) -> None:
        message.popped = True
        mailbox, disposition = self._account.mailbox, self._account.pop_settings["disposition"]
        if disposition == "markRead":
            message.flags.add("\\Seen")
        if disposition == "trash":
            mailbox.copy(message, mailbox.folders[TRASH])
        if disposition in ("archive", "trash"):
            inbox = mailbox.folders["INBOX"]
            mailbox.remove(inbox, [entry for entry in inbox.entries if entry.message is message])
