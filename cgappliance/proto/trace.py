"""What may be told of a mail dialogue: which commands and answers there were and how long, never what they said.

A trace is made of words of this file and of numbers, whatever the bytes are: a line is looked up in the vocabulary, and what is not
there is counted. So neither a password nor a word of a message can appear, not even when the reader of the bytes is mistaken about
where it is. Tags become numbers, for clients choose them.

``Redactor(protocol)`` follows one connection from its first byte, or from any later one; feed it what each side said, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cgappliance.model import MailProtocol

HEAD_BYTES: Final = 256  #: kept of a line: verb, status and a literal's size stand in the first or the last so many octets
TAGS_MAX: Final = 64  #: commands under way that are told apart


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IMAP_VERBS: Final = _words(
    "APPEND AUTHENTICATE CAPABILITY CHECK CLOSE COMPRESS COPY CREATE DELETE DONE ENABLE EXAMINE EXPUNGE FETCH GETQUOTA "
    "GETQUOTAROOT ID IDLE LIST LOGIN LOGOUT LSUB MOVE NAMESPACE NOOP RENAME SEARCH SELECT SORT STARTTLS STATUS STORE SUBSCRIBE "
    "THREAD UID UNSELECT UNSUBSCRIBE XLIST"
)
_IMAP_ANSWERS: Final = _words(
    "OK NO BAD BYE PREAUTH CAPABILITY ENABLED ESEARCH EXISTS EXPUNGE FETCH FLAGS ID LIST LSUB NAMESPACE QUOTA QUOTAROOT RECENT "
    "SEARCH STATUS VANISHED XLIST"
)
_IMAP_CODES: Final = _words(
    "ALERT ALREADYEXISTS APPENDUID AUTHENTICATIONFAILED AUTHORIZATIONFAILED CANNOT CAPABILITY CLIENTBUG CONTACTADMIN COPYUID "
    "EXPIRED HIGHESTMODSEQ INUSE LIMIT NONEXISTENT NOPERM OVERQUOTA PARSE PERMANENTFLAGS PRIVACYREQUIRED READ-ONLY READ-WRITE "
    "SERVERBUG THROTTLED TRYCREATE UIDNEXT UIDVALIDITY UNAVAILABLE UNSEEN WEBALERT"
)
_POP3_VERBS: Final = _words("APOP AUTH CAPA DELE LAST LIST NOOP PASS QUIT RETR RSET STAT STLS TOP UIDL USER UTF8")
_POP3_CODES: Final = _words("AUTH IN-USE LOGIN-DELAY SYS/PERM SYS/TEMP")
_SMTP_VERBS: Final = _words("AUTH BDAT DATA EHLO EXPN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY")
_MECHANISMS: Final = _words("PLAIN LOGIN XOAUTH2 OAUTHBEARER")

_LITERAL: Final = re.compile(rb"\{(\d{1,10})\+?\}\Z")
_CODE: Final = re.compile(rb"\[([A-Z0-9/-]{1,32})")
_REPLY: Final = re.compile(rb"([2-5]\d\d)[ -]?([245]\.\d{1,3}\.\d{1,3})?")


class Redactor:
    """Both sides of one connection."""

    def __init__(self, protocol: MailProtocol) -> None:
        self._client = _Side()
        self._server = _Side()
        self._challenged = False  # the server has asked for something: the client's next line is no command
        self._compressing = False  # COMPRESS has been asked for
        self._compressed = False
        self._tags: dict[bytes, int] = {}
        self._commands = 0
        self._of_client, self._of_server = {
            MailProtocol.IMAP: (self._imap_command, self._imap_answer),
            MailProtocol.POP3: (self._pop3_command, self._pop3_answer),
            MailProtocol.SMTP: (self._smtp_command, self._smtp_answer),
        }[protocol]

    def client(self, data: bytes) -> list[str]:
        """Return what may be told of what the client said."""
        return self._told(self._client, data, self._of_client)

    def server(self, data: bytes) -> list[str]:
        """Return what may be told of what the server said."""
        return self._told(self._server, data, self._of_server)

    def _told(self, side: _Side, data: bytes, describe: Callable[[_Line], str]) -> list[str]:
        if self._compressed:
            return [f"compressed ({len(data)} octets)"]
        return side.feed(data, describe)

    # ---- IMAP

    def _imap_command(self, line: _Line) -> str:
        answer, self._challenged = self._challenged, False
        self._client.await_literal(line)
        if line.goes_on:
            return "more of the command"
        if answer and line.head[:4].upper() != b"DONE":
            return "answer to a challenge"
        words = line.head.split(None, 3)
        verb = _known(words[1] if len(words) > 1 else words[0] if words else b"", _IMAP_VERBS)
        self._compressing = verb == "COMPRESS"
        detail = _known(words[2], _MECHANISMS | _IMAP_VERBS, "") if verb in ("AUTHENTICATE", "UID") and len(words) > 2 else ""
        return _joined("" if verb == "DONE" else self._number(words[0]) if words else "", verb, detail)

    def _imap_answer(self, line: _Line) -> str:
        self._server.await_literal(line)
        if line.goes_on:
            return "more of the answer"
        if line.head.startswith(b"+"):
            self._challenged = True
            return "+"
        words = line.head.split(None, 3)
        if not words:
            return "empty line"
        number = len(words) > 2 and words[1].isdigit()
        status = _known(words[2] if number else words[1] if len(words) > 1 else b"", _IMAP_ANSWERS, "answer")
        tag = "*" if words[0] == b"*" else f"#{self._tags.get(words[0], 0)}"
        if self._compressing and tag != "*":
            self._compressed, self._compressing = status == "OK", False
        return _joined(tag, status, _code(line.head, _IMAP_CODES))

    def _number(self, tag: bytes) -> str:
        """Number a command; clients may use a tag again."""
        self._commands += 1
        self._tags.pop(tag, None)
        self._tags[tag] = self._commands
        if len(self._tags) > TAGS_MAX:
            del self._tags[next(iter(self._tags))]
        return f"#{self._commands}"

    # ---- POP3

    def _pop3_command(self, line: _Line) -> str:
        answer, self._challenged = self._challenged, False
        if answer:
            return "answer to a challenge"
        words = line.head.split(None, 2)
        verb = _known(words[0] if words else b"", _POP3_VERBS)
        return _joined(verb, _known(words[1], _MECHANISMS, "") if verb == "AUTH" and len(words) > 1 else "")

    def _pop3_answer(self, line: _Line) -> str:
        if line.head[:3] == b"+OK" or line.head[:4] == b"-ERR":
            return _joined("+OK" if line.head[:1] == b"+" else "-ERR", _code(line.head, _POP3_CODES))
        if line.head[:1] == b"+":
            self._challenged = True
            return "+"
        return CONTENT

    # ---- SMTP

    def _smtp_command(self, line: _Line) -> str:
        answer, self._challenged = self._challenged, False
        if answer:
            return "answer to a challenge"
        words = line.head.split(None, 2)
        verb = _known(words[0] if words else b"", _SMTP_VERBS)
        if verb == "BDAT" and len(words) > 1 and words[1].isdigit():
            self._client.await_octets(int(words[1][:10]))
        return _joined(verb, _known(words[1], _MECHANISMS, "") if verb == "AUTH" and len(words) > 1 else "")

    def _smtp_answer(self, line: _Line) -> str:
        found = _REPLY.match(line.head)
        if found is None:
            return "answer"
        code, enhanced = found[1].decode(), (found[2] or b"").decode()
        self._challenged = code == "334"
        if code == "354":
            self._client.await_dot()
        return _joined(code, enhanced)


CONTENT: Final = "content"  #: lines that are not told one by one


class _Line:
    """One line, or what is kept of it."""

    __slots__ = ("goes_on", "head", "tail")

    def __init__(self, head: bytes, tail: bytes, *, goes_on: bool) -> None:
        self.head = head
        self.tail = tail
        self.goes_on = goes_on  #: a literal came before it in the same command or answer


class _Side:
    """Cuts one direction into lines and content, and counts what is not a line."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._octets = 0
        self._goes_on = False
        self._literal = 0  # octets of content that are still to come
        self._content = [0, 0]  # lines and octets that have not been told yet
        self._until_dot = False

    def await_literal(self, line: _Line) -> None:
        """Expect content when the line announces it."""
        found = _LITERAL.search(line.tail)
        self._goes_on = found is not None
        self._literal = int(found[1]) if found else 0

    def await_octets(self, octets: int) -> None:
        """Expect so much content."""
        self._literal = octets

    def await_dot(self) -> None:
        """Expect content up to a line with nothing but a dot (RFC 5321 4.5.2)."""
        self._until_dot = True

    def feed(self, data: bytes, describe: Callable[[_Line], str]) -> list[str]:
        told: list[str] = []
        while data:
            if self._literal:
                taken = min(self._literal, len(data))
                self._literal -= taken
                self._content[1] += taken
                data = data[taken:]
                continue
            end = data.find(b"\n")
            part, data = (data, b"") if end < 0 else (data[: end + 1], data[end + 1 :])
            self._keep(part)
            if end >= 0:
                told += self._end_of_line(describe)
        return told

    def _keep(self, part: bytes) -> None:
        self._octets += len(part)
        self._head = (self._head + part)[:HEAD_BYTES]
        self._tail = (self._tail + part)[-HEAD_BYTES:]

    def _end_of_line(self, describe: Callable[[_Line], str]) -> list[str]:
        line = _Line(self._head.rstrip(b"\r\n"), self._tail.rstrip(b"\r\n"), goes_on=self._goes_on)
        octets, self._octets, self._head, self._tail, self._goes_on = self._octets, 0, b"", b"", False
        if self._until_dot:
            self._until_dot = line.tail != b"."
            words = CONTENT
        else:
            words = describe(line)
        if words == CONTENT:
            self._content = [self._content[0] + 1, self._content[1] + octets]
            return [] if self._until_dot or line.tail != b"." else self._told_content()
        return [*self._told_content(), f"{words} ({octets} octets)"]

    def _told_content(self) -> list[str]:
        lines, octets = self._content
        self._content = [0, 0]
        return [f"{CONTENT} ({octets} octets)"] if lines or octets else []


def _known(word: bytes, vocabulary: frozenset[str], otherwise: str = "unknown") -> str:
    """Return the word of the vocabulary that ``word`` is, in any case of letters, or ``otherwise``."""
    text = word[:32].decode("ascii", "replace").upper()
    return text if text in vocabulary else otherwise


def _code(line: bytes, vocabulary: frozenset[str]) -> str:
    found = _CODE.search(line)
    code = _known(found[1], vocabulary, "") if found else ""
    return f"[{code}]" if code else ""


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)
