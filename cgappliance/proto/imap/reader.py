"""Takes whole commands, with their literals, out of what a client sent before login.

It may import ``buffer``, ``limits``, ``text`` and ``grammar``. Rules: it asks for a literal only when it will take it; octets
that come unasked are drained, so that a password never turns into a command; it holds one command at a time, within its limits.

It knows which commands may carry literals, and how large, but not what any command does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cgappliance.proto.buffer import LineBuffer, TooLong
from cgappliance.proto.imap.grammar import Announcement, Syntax, Token, TokenKind, announcement, command_name, is_tag, tokens
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.text import CLIENT_ID_CHARACTERS

UNTAGGED = b"*"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the grammar; the name is in capitals and need not be one that anybody knows."""

    tag: bytes
    name: str
    arguments: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Invalid:
    """Something else, to be answered with BAD; ``tag`` is ``*`` where the client's is not fit to be sent back."""

    tag: bytes
    text: str
    fatal: str = ""  #: not empty: the stream cannot be followed further; one word for the log


@dataclass(frozen=True, slots=True)
class Continuation:
    """The client waits for leave to send a literal, and may have it."""


@dataclass(frozen=True, slots=True)
class _LiteralRule:
    """What a command may send as literals, in octets."""

    largest: int
    together: int
    kept: int  #: of each; the rest is of no use


@dataclass(slots=True)
class _Partial:
    """A command of which some lines have been read."""

    tag: bytes = UNTAGGED
    name: str = ""
    arguments: list[Token] = field(default_factory=list)
    line_octets: int = 0
    literal_octets: int = 0
    literal: int | None = None  #: octets of the literal that comes next
    trouble: str = ""  #: not empty: the command will be answered with BAD once its last octet has been drained


class CommandReader:
    """Commands of one client, in order. The buffer may be read by others between two commands (SASL answers, ``unread``)."""

    def __init__(self, buffer: LineBuffer, limits: PreLoginLimits) -> None:
        self._buffer = buffer
        self._limits = limits
        self._partial = _Partial()
        id_octets = limits.imap_id_pairs * (limits.imap_id_field + limits.imap_id_value)
        self._literal_rules = {
            "LOGIN": _LiteralRule(limits.imap_login_literal, limits.imap_login_literals, limits.imap_login_literal),
            "ID": _LiteralRule(limits.imap_id_value, id_octets, CLIENT_ID_CHARACTERS),
        }

    def next(self) -> Command | Invalid | Continuation | None:
        """Return what comes next, or None when more bytes are needed."""
        while True:
            if not self._take_literal():
                return None
            try:
                line = self._buffer.next_line(self._limits.imap_command - self._partial.line_octets)
            except TooLong:
                return self._finish(Invalid(self._partial.tag, "Command line too long", "line_too_long"))
            if line is None:
                return None
            self._partial.line_octets += len(line) + 2
            result = self._read(line)
            if result is not None:
                return result

    def _take_literal(self) -> bool:
        """Move the literal that is due into the arguments; False when not all of it has come."""
        partial = self._partial
        if partial.literal is None:
            return True
        data = self._buffer.take(partial.literal)
        if data is None:
            return False
        partial.literal = None
        partial.arguments.append(Token(TokenKind.STRING, data[: self._literal_rules[partial.name].kept]))
        return True

    def _read(self, line: bytes) -> Command | Invalid | Continuation | None:
        """Take one line into the command; return a result when it was the last, or when a literal is to be asked for."""
        announced = announcement(line)
        text = line[: -announced.width] if announced else line
        try:
            self._parse(text, announced)
        except Syntax as problem:
            self._partial.trouble = self._partial.trouble or str(problem)
        if announced is None:
            return self._complete()
        if not self._partial.trouble:
            self._partial.literal = announced.octets
            return Continuation() if announced.asks else None
        return self._drain(announced)

    def _parse(self, text: bytes, announced: Announcement | None) -> None:
        """Add the words of ``text`` to the command.

        Raises:
            Syntax: they are not of the grammar, or the literal may not be sent here.
        """
        partial = self._partial
        if partial.trouble:
            return
        if not partial.name:
            text = self._parse_head(text)
        elif text[:1] not in {b"", b" ", b")"}:
            raise Syntax("Missing space behind a literal")
        for token in tokens(text):
            partial.arguments.append(token)
            if len(partial.arguments) > self._limits.imap_arguments:
                raise Syntax("Too many arguments")
        if announced:
            self._admit(announced, text)

    def _parse_head(self, text: bytes) -> bytes:
        """Take tag and name; return what follows them."""
        partial = self._partial
        tag, _, rest = text.partition(b" ")
        if not is_tag(tag, self._limits.imap_tag):
            raise Syntax("Invalid tag")
        partial.tag = tag
        word, space, arguments = rest.partition(b" ")
        name = command_name(word)
        if name is None:
            raise Syntax("Missing or malformed command")
        partial.name = name
        return space + arguments

    def _admit(self, announced: Announcement, text: bytes) -> None:
        """Count a literal against the limits of its command.

        Raises:
            Syntax: it is too large, or it cannot stand there.
        """
        partial = self._partial
        if not text.endswith((b" ", b"(")):
            raise Syntax("Malformed argument")
        rule = self._literal_rules.get(partial.name)
        if rule is None:
            raise Syntax("No literal is taken here before login")
        partial.literal_octets += announced.octets
        if announced.octets > rule.largest or partial.literal_octets > rule.together:
            raise Syntax("Literal too large")

    def _drain(self, announced: Announcement) -> Invalid | None:
        """Get rid of a literal that is not taken. Where the client asks for leave, BAD is the answer and the command's end."""
        if announced.asks:
            return self._complete_invalid()
        if announced.octets > self._limits.imap_nonsync_literal:
            return self._finish(Invalid(self._partial.tag, self._partial.trouble, "literal_too_large"))
        self._buffer.skip(announced.octets)
        return None

    def _complete(self) -> Command | Invalid:
        partial = self._partial
        if partial.trouble:
            return self._complete_invalid()
        self._partial = _Partial()
        return Command(partial.tag, partial.name, tuple(partial.arguments))

    def _complete_invalid(self) -> Invalid:
        return self._finish(Invalid(self._partial.tag, self._partial.trouble))

    def _finish(self, invalid: Invalid) -> Invalid:
        self._partial = _Partial()
        return invalid
