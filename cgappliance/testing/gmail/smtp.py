"""smtp.gmail.com:465 as Gmail speaks it: EHLO list, AUTH and its refusals; mail itself is in ``smtp_transaction.py``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.sasl import TOKEN_CHALLENGE, TOKEN_MECHANISMS, BadMessage, Bearer, Plain, decode, decode_base64
from cgappliance.testing.gmail.session import Session
from cgappliance.testing.gmail.smtp_transaction import SIZE_LIMIT_BYTES, Transactions
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import Refusal
from cgappliance.testing.gmail.wire import Hangup, LineTooLong, Wire

UNAUTHENTICATED_LIMIT = 20  #: commands before login; Gmail's own number is not known
UNKNOWN_LIMIT = 10  #: unrecognized commands
KEYWORDS = (
    f"SIZE {SIZE_LIMIT_BYTES}",
    "8BITMIME",
    "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH",
    "ENHANCEDSTATUSCODES",
    "PIPELINING",
    "CHUNKING",
    "SMTPUTF8",
)
HELO_ARGUMENT = re.compile(r"\[[0-9a-fA-F:.]+\]|\[IPv6:[0-9a-fA-F:.]+\]|[\w-]+(\.[\w-]+)*\.?", re.ASCII)

BAD_CREDENTIALS = (
    "535-5.7.8 Username and Password not accepted. For more information, go to",
    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials",
)
REFUSALS: dict[Refusal, tuple[str, ...]] = {
    Refusal.BAD_CREDENTIALS: BAD_CREDENTIALS,
    Refusal.APP_PASSWORD_REQUIRED: (
        "534-5.7.9 Application-specific password required. For more information, go to",
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor",
    ),
    Refusal.WEB_LOGIN: (
        "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbt> Please log in through your web browser",
        "534-5.7.14 and then try again. For more information, go to",
        "534 5.7.14  https://support.google.com/mail/answer/78754",
    ),
    Refusal.OFF_FOR_USER: BAD_CREDENTIALS,
    Refusal.OFF_FOR_DOMAIN: BAD_CREDENTIALS,
    Refusal.TOO_MANY_CONNECTIONS: ("421 4.7.0 Try again later, closing connection.",),
    Refusal.UNAVAILABLE: ("454 4.7.0 Cannot authenticate due to a temporary system problem. Try again later.",),
    Refusal.OVERQUOTA: ("421 4.7.0 Try again later, closing connection.",),
    Refusal.IN_USE: ("454 4.7.0 Cannot authenticate due to a temporary system problem. Try again later.",),
    Refusal.TOO_FAST: ("454 4.7.0 Too many login attempts, please try again later.",),
}


class SmtpSession(Session):
    """One SMTP session."""

    protocol = MailProtocol.SMTP
    farewell: ClassVar[bytes] = b"421 4.7.0 Try again later, closing connection. - gsmtp\r\n"
    farewell_expired: ClassVar[bytes] = b"421 4.7.0 Connection expired, try reconnecting - gsmtp\r\n"
    farewell_overquota: ClassVar[bytes] = b"421 4.7.0 Try again later, closing connection. - gsmtp\r\n"

    helo = ""
    commands_before_login = 0
    unknown_commands = 0

    def __init__(self, state: GmailState, wire: Wire) -> None:
        super().__init__(state, wire)
        self._transactions = Transactions(self)

    def greet(self) -> None:
        """Send Gmail's greeting."""
        self.say(f"220 smtp.gmail.com ESMTP {self.id}")

    def serve(self) -> None:
        """Answer commands until QUIT."""
        commands: dict[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "AUTH": self._auth,
            **self._transactions.commands,
            "NOOP": lambda _: self.say("250 2.0.0 OK {id}"),
            "VRFY": lambda _: self.say("252 2.1.5 Send some mail, I'll try my best {id}"),
            "HELP": lambda _: self.say("214 2.0.0 https://www.google.com/search?btnI&q=RFC+5321 {id}"),
            "EXPN": lambda _: self.say("502 5.5.1 Unimplemented command. {id}"),
        }
        while True:
            verb, argument = self._next_command()
            if verb == "QUIT":
                self.say("221 2.0.0 closing connection {id}")
                return
            self._count(verb)
            commands.get(verb, self._unknown)(argument)

    def say(self, *lines: str) -> None:
        """Send a reply; ``{id}`` becomes the connection's id, and the last line ends as Gmail's do."""
        text = "\r\n".join(line.replace("{id}", self.id) for line in lines)
        self.send(f"{text} - gsmtp\r\n".encode())

    def _next_command(self) -> tuple[str, str]:
        try:
            verb, _, argument = self.wire.read_line().decode("utf-8", "replace").partition(" ")
        except LineTooLong:
            self.say("500 5.5.2 Line too long, closing connection. {id}")
            raise Hangup("line too long") from None
        self.note_command(verb.upper())
        return verb.upper(), argument.strip()

    def _count(self, verb: str) -> None:
        """Part with a client that talks too long before it logs in."""
        if self.account is None and verb != "AUTH":
            self.commands_before_login += 1
            if self.commands_before_login > UNAUTHENTICATED_LIMIT:
                self.say("554 5.7.0 Too many unauthenticated commands. {id}")
                raise Hangup("too many unauthenticated commands")

    def _unknown(self, _argument: str) -> None:
        self.unknown_commands += 1
        if self.unknown_commands >= UNKNOWN_LIMIT:
            self.say("502 5.5.1 Too many unrecognized commands, goodbye. {id}")
            raise Hangup("too many unrecognized commands")
        self.say("502 5.5.1 Unrecognized command. {id}")

    def _helo(self, argument: str) -> None:
        if self._take_helo("HELO", argument):
            self.send(b"250 smtp.gmail.com at your service\r\n")

    def _ehlo(self, argument: str) -> None:
        if self._take_helo("EHLO", argument):
            host = self.wire.record.peer.rpartition(":")[0]
            lines = [f"smtp.gmail.com at your service, [{host}]", *KEYWORDS]
            self.send("".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode())

    def _take_helo(self, verb: str, argument: str) -> bool:
        if not argument:
            self.say("501-5.5.4 Empty HELO/EHLO argument not allowed, closing connection.", "501 5.5.4 {id}")
            raise Hangup("empty HELO")
        if not HELO_ARGUMENT.fullmatch(argument):
            self.say(f"501-5.5.4 {verb} argument {argument[:64]!a} invalid, closing connection.", "501 5.5.4 {id}")
            raise Hangup("invalid HELO")
        self.helo = argument
        self._transactions.reset()
        return True

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        if not self.helo:
            self.say("503 5.5.1 EHLO/HELO first. {id}")
        elif self.account is not None:
            self.say("503 5.7.0 No identity changes permitted. {id}")
        elif mechanism == "XOAUTH":
            self.say("504 5.7.4 XOAUTH is no longer supported {id}")
        elif mechanism not in ("PLAIN", "LOGIN", *TOKEN_MECHANISMS):
            self.say("504 5.7.4 Unrecognized Authentication Type {id}")
        else:
            self._dialogue(mechanism, initial.strip())

    def _dialogue(self, mechanism: str, initial: str) -> None:
        try:
            message = self._ask_login(initial) if mechanism == "LOGIN" else decode(mechanism, self._ask("", initial))
        except BadMessage:
            self.say("501 5.5.2 Cannot Decode response {id}")
            return
        refusal = self.try_login(mechanism, message)
        if refusal is None:
            self.send(b"235 2.7.0 Accepted\r\n")
            return
        if refusal is Refusal.BAD_CREDENTIALS and isinstance(message, Bearer):
            self._ask(TOKEN_CHALLENGE, "")
        lines = REFUSALS[refusal]
        self.say(*lines[:-1], f"{lines[-1]} {{id}}")
        if lines[-1].startswith("421"):
            raise Hangup(str(refusal))

    def _ask(self, challenge: str, initial: str) -> bytes:
        """Return the client's line: its initial response, or its answer to ``challenge``."""
        if initial:
            return initial.encode()
        self.send(f"334 {challenge}\r\n".encode())
        line = self.wire.read_line()
        if line == b"*":
            raise BadMessage("cancelled")
        return line

    def _ask_login(self, initial: str) -> Plain:
        try:
            username = decode_base64(self._ask("VXNlcm5hbWU6", initial)).decode()
            return Plain(username, decode_base64(self._ask("UGFzc3dvcmQ6", "")).decode())
        except UnicodeDecodeError as error:
            raise BadMessage("not UTF-8") from error
