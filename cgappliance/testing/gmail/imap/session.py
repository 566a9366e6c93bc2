"""One IMAP session: greeting, reading of commands, their dispatch and the tagged answers.

The commands stand in ``login.py`` (before login), ``folders.py`` (LIST, STATUS, APPEND ...) and ``selected.py`` (FETCH, STORE ...).
A command is a function of session and arguments that returns the text behind the tag.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.imap import folders, login, selected
from cgappliance.testing.gmail.imap.idle import idle
from cgappliance.testing.gmail.imap.parse import LITERAL_AT_END, Argument, BadCommand, parse
from cgappliance.testing.gmail.imap.texts import LITERAL_LIMIT_BYTES, NON_SYNC_LITERAL_LIMIT_BYTES, id_answer
from cgappliance.testing.gmail.imap.view import View
from cgappliance.testing.gmail.mailbox import Mailbox
from cgappliance.testing.gmail.session import Session
from cgappliance.testing.gmail.wire import Hangup, LineTooLong

Command = Callable[["ImapSession", list[Argument]], str]


class ImapSession(Session):
    """One client's IMAP session."""

    protocol = MailProtocol.IMAP
    farewell: ClassVar[bytes] = b"* BYE Temporary System Error\r\n"
    farewell_expired: ClassVar[bytes] = b"* BYE Session expired, please login again.\r\n"
    farewell_overquota: ClassVar[bytes] = b"* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n"

    view: View | None = None
    enabled: frozenset[str] = frozenset()
    tag = ""

    @property
    def mailbox(self) -> Mailbox:
        """The mail of the logged-in account."""
        assert self.account is not None
        return self.account.mailbox

    def greet(self) -> None:
        """Send Gmail's greeting, which has no response code."""
        host = self.wire.record.peer.rpartition(":")[0]
        self.untagged(f"OK Gimap ready for requests from {host} {self.id}")

    def serve(self) -> None:
        """Answer commands until LOGOUT."""
        while True:
            try:
                line = self._read_command()
            except LineTooLong:
                self.untagged("BYE Line too long")
                raise Hangup("line too long") from None
            self.tag, name, arguments = _split(line)
            self.note_command(name)
            if name == "LOGOUT":
                self.untagged("BYE LOGOUT Requested")
                self.tagged("OK 73 good day (Success)")
                return
            self._answer(name, arguments)

    def untagged(self, text: str) -> None:
        """Send an untagged line."""
        self.send(f"* {text}\r\n".encode())

    def tagged(self, text: str) -> None:
        """Send the line that ends the command."""
        self.send(f"{self.tag} {text}\r\n".encode())

    def continuation(self, text: str = "") -> bytes:
        """Ask for more and return the client's line."""
        self.send(f"+ {text}\r\n".encode())
        return self.wire.read_line()

    def tell(self, *, expunges: bool) -> None:
        """Send what has changed in the selected folder."""
        for line in self.view.updates(expunges=expunges) if self.view else []:
            self.untagged(line)

    def _answer(self, name: str, arguments: bytes) -> None:
        command = self._find(name)
        if command is None:
            self.tagged(f"BAD Unknown command {self.id}")
            return
        try:
            text = command(self, parse(arguments))
        except (BadCommand, IndexError) as error:
            self.tagged(f"BAD {error} {self.id}")
            return
        if name not in selected.BY_NUMBER:
            self.tell(expunges=True)
        self.tagged(text)
        if name == "COMPRESS" and text.startswith("OK"):
            self.wire.compress()

    def _find(self, name: str) -> Command | None:
        tables: list[dict[str, Command]] = [ANY_STATE]
        if self.account is None:
            tables.append(login.COMMANDS)
        else:
            tables += [folders.COMMANDS, {"IDLE": idle}]
        if self.view is not None:
            tables.append(selected.COMMANDS)
        return next((table[name] for table in tables if name in table), None)

    def _read_command(self) -> bytes:
        """Return a whole command: its line, and what follows each literal, the literals in place."""
        command = self.wire.read_line()
        while literal := LITERAL_AT_END.search(command):
            size, sync = int(literal[1]), not literal[2]
            if size > (LITERAL_LIMIT_BYTES if sync else NON_SYNC_LITERAL_LIMIT_BYTES):
                self.untagged("BYE [TOOBIG] Literal too large")  # its octets may be on their way already (RFC 7888 4)
                raise Hangup("literal too large")
            if sync:
                self.send(b"+ go ahead\r\n")
            command += b"\r\n" + self.wire.read_exact(size) + self.wire.read_line()
        return command


def _split(line: bytes) -> tuple[str, str, bytes]:
    """Return tag, command name in upper case (``UID FETCH`` is one) and the rest."""
    tag, _, rest = line.partition(b" ")
    name, _, arguments = rest.partition(b" ")
    if name.upper() == b"UID":
        verb, _, arguments = arguments.partition(b" ")
        name = b"UID " + verb
    return tag.decode("ascii", "replace") or "*", name.decode("ascii", "replace").upper(), arguments


def _noop(_session: ImapSession, _arguments: list[Argument]) -> str:
    return "OK Success"


def _id(session: ImapSession, _arguments: list[Argument]) -> str:
    session.untagged(id_answer(session.wire.record.peer.rpartition(":")[0], session.id))
    return "OK Success"


ANY_STATE: dict[str, Command] = {"CAPABILITY": login.capability, "NOOP": _noop, "ID": _id}
