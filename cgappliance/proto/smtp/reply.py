"""Multi-line SMTP replies (RFC 5321 section 4.2.1), put together from lines and bounded. It may import ``lineback``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cgappliance.proto.lineback import CRLF, Garbled

#: ``250-text``, ``250 text`` or ``250``; the first digit is 2 to 5.
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?")


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """One complete reply."""

    code: int
    texts: tuple[bytes, ...]  #: of each line, behind code and separator
    whole: bytes  #: as it came, without the last CRLF


class ReplyReader:
    """Collects the lines of one reply after the other."""

    def __init__(self, octets_limit: int) -> None:
        self._octets_limit = octets_limit
        self._lines: list[bytes] = []
        self._texts: list[bytes] = []
        self._octets = 0

    def take(self, line: bytes, lines_limit: int) -> SmtpReply | None:
        """Return the reply that this line completes, or None when more lines belong to it.

        Raises:
            Garbled: the line is not of a reply, has another code than its first line, or is one too many.
        """
        found = _LINE.fullmatch(line)
        if found is None:
            raise Garbled("sent a line that is no SMTP reply")
        code, separator, text = found.groups()
        if self._lines and not self._lines[0].startswith(code):
            raise Garbled("sent a reply with two codes")
        self._octets += len(line) + len(CRLF)
        if len(self._lines) >= lines_limit or self._octets > self._octets_limit:
            raise Garbled("sent a reply that is too long")
        self._lines.append(line)
        self._texts.append(text or b"")
        return None if separator == b"-" else self._complete(int(code))

    def _complete(self, code: int) -> SmtpReply:
        reply = SmtpReply(code, tuple(self._texts), CRLF.join(self._lines))
        self._lines, self._texts, self._octets = [], [], 0
        return reply
