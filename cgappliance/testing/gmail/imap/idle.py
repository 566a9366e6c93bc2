"""IDLE: changes are told as they happen (RFC 2177)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from cgappliance.testing.gmail.imap.parse import Argument, BadCommand
from cgappliance.testing.gmail.wire import Hangup

if TYPE_CHECKING:
    from cgappliance.testing.gmail.imap.session import ImapSession


def idle(session: ImapSession, _arguments: list[Argument]) -> str:
    """Answer IDLE: blocks until the client says DONE."""
    session.send(b"+ idling\r\n")
    teller = gevent.spawn(_tell_changes, session)
    try:
        line = session.wire.read_line()
    finally:
        teller.kill()
    if line.strip().upper() != b"DONE":
        raise BadCommand("Expected DONE")
    return "OK IDLE terminated (Success)"


def _tell_changes(session: ImapSession) -> None:
    try:
        while True:
            changed = session.mailbox.changed()
            session.tell(expunges=True)
            changed.wait()
    except Hangup:
        return  # the session's own greenlet learns it from its read
