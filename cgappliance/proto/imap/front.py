"""The client's side of IMAP before login: what the appliance itself says, until somebody is let in.

It may import ``model`` and the modules of ``proto``. Rules: nothing that a client sends here is passed on to anybody; what is
advertised is what is done; one command is handled before the next is looked at, however they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cgappliance.model import Credentials, MailProtocol, Reason
from cgappliance.proto import replies, sasl
from cgappliance.proto.buffer import LineBuffer, TooLong
from cgappliance.proto.events import Accepted, Close, Farewell, FrontEvent, LoginAttempt, NeedData, Send
from cgappliance.proto.imap.grammar import Token, TokenKind
from cgappliance.proto.imap.identity import BadIdentity, client_identity
from cgappliance.proto.imap.reader import UNTAGGED, Command, CommandReader, Continuation, Invalid
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits

#: What greeting and CAPABILITY say. The first line is done here. The second is for the time after login: Gmail has these too, and
#: clients that do not ask again after login would go without IDLE. Nothing may stand here that Gmail lacks (LITERAL+ above all:
#: clients would go on using it), nor what cannot start before login (COMPRESS, ENABLE), nor a way to bring a token of one's own.
CAPABILITIES = (
    *("IMAP4rev1", "SASL-IR", "LITERAL-", "ID", *(f"AUTH={mechanism}" for mechanism in sasl.MECHANISMS)),
    *("IDLE", "NAMESPACE", "UNSELECT", "CHILDREN"),
)

#: Commands of RFC 3501 and of what Gmail has beyond it, valid after login only: a client that sends one is early, not broken.
AFTER_LOGIN = frozenset(
    {
        *(
            "SELECT",
            "EXAMINE",
            "CREATE",
            "DELETE",
            "RENAME",
            "SUBSCRIBE",
            "UNSUBSCRIBE",
            "LIST",
            "LSUB",
            "XLIST",
            "STATUS",
            "APPEND",
        ),
        *("CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH", "FETCH", "STORE", "COPY", "MOVE", "UID"),
        *("IDLE", "NAMESPACE", "ENABLE", "COMPRESS", "GETQUOTA", "GETQUOTAROOT"),
    }
)

_CAPABILITY_TEXT = " ".join(CAPABILITIES)


@dataclass(slots=True)
class _Exchange:
    """An AUTHENTICATE that waits for the client's next answer."""

    tag: bytes
    mechanism: str
    answers: list[bytes] = field(default_factory=list, repr=False)  # passwords among them


class ImapFront:
    """One client's connection. See ``proto/__init__`` for how it is driven and ``events.Front`` for what each method promises."""

    protocol = MailProtocol.IMAP

    def __init__(self, limits: PreLoginLimits = DEFAULT_LIMITS) -> None:
        self.client_id = ""
        self._limits = limits
        self._buffer = LineBuffer()
        self._reader = CommandReader(self._buffer, limits)
        self._exchange: _Exchange | None = None
        self._login_tag: bytes | None = None  # of the LoginAttempt that waits for its answer
        self._close: Close | None = None
        self._accepted = False
        self._commands = 0
        self._bad_commands = 0
        self._login_tries = 0

    def greeting(self) -> bytes:
        """Return the first line, with the capabilities: some clients never ask for them."""
        return f"* OK [CAPABILITY {_CAPABILITY_TEXT}] cgappliance ready\r\n".encode("ascii")

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; once the connection is to close, they are dropped."""
        if self._close is None:
            self._buffer.feed(data)

    def next_event(self) -> FrontEvent:
        """Return what to do next; after a Close always the same Close."""
        if self._close is not None:
            return self._close
        if self._login_tag is not None or self._accepted:
            return NeedData()
        if self._exchange is not None:
            return self._next_answer(self._exchange)
        match self._reader.next():
            case None:
                return NeedData()
            case Continuation():
                return Send(b"+ Ready for literal data\r\n")
            case Invalid(tag, text, fatal):
                return self._invalid(tag, text, fatal)
            case Command() as command:
                return self._counted(command)

    def refuse(self, reason: Reason) -> bytes:
        """Return the tagged NO, or ``* BYE`` for a shutdown; after the last try a Close follows."""
        tag = self._answer_login()
        self._login_tries += 1
        line = replies.refusal(self.protocol, reason) + b"\r\n"
        if replies.ends_connection(self.protocol, reason):
            self._end(Close(b"", reason.value))
            return line
        if self._login_tries >= self._limits.login_tries:
            self._end(_goodbye(b"", "Too many login attempts", "too_many_logins"))
        return tag + b" " + line

    def accept(self, accepted: Accepted) -> bytes:
        """Return the upstream's untagged lines and its final one behind the client's tag."""
        tag = self._answer_login()
        self._accepted = True
        return accepted.untagged + tag + b" " + accepted.final + b"\r\n"

    def unread(self) -> bytes:
        """Return, once, what the client sent behind its login."""
        return self._buffer.unread()

    def bye(self, farewell: Farewell) -> bytes:
        """Return the untagged BYE."""
        return replies.farewell(self.protocol, farewell)

    def _answer_login(self) -> bytes:
        if self._login_tag is None:
            raise RuntimeError("no login waits for an answer")
        tag, self._login_tag = self._login_tag, None
        return tag

    # -- commands ------------------------------------------------------------------------------------------------------------

    def _counted(self, command: Command) -> FrontEvent:
        """Run a command, unless the client has had its share."""
        self._commands += 1
        if self._commands > self._limits.commands:
            return self._end(_goodbye(b"", "Too many commands before login", "too_many_commands"))
        return self._run(command)

    def _run(self, command: Command) -> FrontEvent:
        match command.name, command.arguments:
            case "LOGIN", (name, password) if name.is_astring and password.is_astring:
                return self._attempt(command.tag, sasl.credentials(name.value, password.value, "LOGIN", self.protocol))
            case "AUTHENTICATE", (mechanism,) if mechanism.is_astring:
                return self._authenticate(command.tag, mechanism, None)
            case "AUTHENTICATE", (mechanism, initial) if mechanism.is_astring and initial.kind is TokenKind.ATOM:
                return self._authenticate(command.tag, mechanism, initial)
            case "ID", _:
                return self._identify(command)
            case "CAPABILITY", ():
                return _ok(command, f"* CAPABILITY {_CAPABILITY_TEXT}\r\n")
            case "NOOP", ():
                return _ok(command)
            case "LOGOUT", ():
                return self._end(Close(b"* BYE Logging out\r\n" + command.tag + b" OK LOGOUT completed\r\n", "quit"))
            case (("LOGIN" | "AUTHENTICATE" | "CAPABILITY" | "NOOP" | "LOGOUT"), _):
                return self._invalid(command.tag, "Wrong arguments")
            case name, _ if name in AFTER_LOGIN:
                return Send(command.tag + b" BAD Please log in first\r\n")
        return self._invalid(command.tag, "Unknown command")

    def _identify(self, command: Command) -> FrontEvent:
        """RFC 2971. Nothing but the name is told to strangers; after login Gmail answers for itself."""
        try:
            self.client_id = client_identity(command.arguments, self._limits) or self.client_id
        except BadIdentity:
            return self._invalid(command.tag, "Wrong arguments")
        return _ok(command, '* ID ("name" "cgappliance")\r\n')

    def _authenticate(self, tag: bytes, mechanism: Token, initial: Token | None) -> FrontEvent:
        """RFC 3501 6.2.2 with the initial response of RFC 4959."""
        name = mechanism.value.decode("utf-8", "replace").upper()
        if name in sasl.TOKEN_MECHANISMS:
            return self._attempt(tag, sasl.client_token(name, initial.value if initial else b"", self.protocol))
        if name not in sasl.MECHANISMS:
            return Send(tag + b" NO Unsupported authentication mechanism\r\n")
        exchange = _Exchange(tag, name)
        try:
            if initial is not None:
                exchange.answers.append(sasl.decode_initial(initial.value))
            return self._proceed(exchange)
        except sasl.Malformed:
            return self._invalid(tag, "Invalid initial response")

    def _next_answer(self, exchange: _Exchange) -> FrontEvent:
        """Read the client's answer to a challenge, when it has come."""
        try:
            line = self._buffer.next_line(self._limits.sasl_line)
        except TooLong:
            return self._invalid(exchange.tag, "Authentication answer too long", "line_too_long")
        if line is None:
            return NeedData()
        self._exchange = None
        try:
            exchange.answers.append(sasl.decode(line))
            return self._proceed(exchange)
        except sasl.Cancelled:
            return Send(exchange.tag + b" BAD Authentication cancelled\r\n")
        except sasl.Malformed:
            return self._invalid(exchange.tag, "Invalid authentication answer")

    def _proceed(self, exchange: _Exchange) -> FrontEvent:
        """Take the exchange one step on.

        Raises:
            sasl.Malformed: the last answer is not of the mechanism.
        """
        match sasl.MECHANISMS[exchange.mechanism](exchange.answers, self.protocol):
            case sasl.Challenge(data):
                self._exchange = exchange
                return Send(b"+ " + sasl.encode(data) + b"\r\n")
            case Credentials() as credentials:
                return self._attempt(exchange.tag, credentials)

    def _attempt(self, tag: bytes, credentials: Credentials) -> LoginAttempt:
        self._login_tag = tag
        return LoginAttempt(credentials)

    def _invalid(self, tag: bytes, text: str, fatal: str = "") -> FrontEvent:
        """Answer BAD, and end the connection where the stream is lost or the client is none."""
        line = tag + b" BAD " + text.encode("ascii") + b"\r\n"
        self._bad_commands += 1
        if fatal:
            return self._end(_goodbye(line, "Closing the connection", fatal))
        if self._bad_commands >= self._limits.bad_commands:
            return self._end(_goodbye(line, "Too many invalid commands", "too_many_bad_commands"))
        return Send(line)

    def _end(self, close: Close) -> Close:
        """Remember that nothing follows, and let go of what came behind."""
        self._close = close
        self._exchange = None
        self._buffer.unread()
        return close


def _ok(command: Command, untagged: str = "") -> Send:
    return Send(untagged.encode("ascii") + command.tag + f" OK {command.name} completed\r\n".encode("ascii"))


def _goodbye(before: bytes, text: str, why: str) -> Close:
    return Close(before + UNTAGGED + f" BYE {text}\r\n".encode("ascii"), why)
