"""An account's mail: messages, and the folders (Gmail: labels) that show them.

One message may stand in several folders: it is stored once and every folder gives it a UID of its own, as Gmail does.
This file knows no protocol. It wakes IDLE waiters through gevent events, which may be set from any thread.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field

from gevent.event import Event

UID_VALIDITY = 1

#: Gmail's own folders, with the attributes that LIST shows for them
SPECIAL_FOLDERS = {
    "INBOX": (),
    "[Gmail]/All Mail": ("\\All",),
    "[Gmail]/Drafts": ("\\Drafts",),
    "[Gmail]/Important": ("\\Important",),
    "[Gmail]/Sent Mail": ("\\Sent",),
    "[Gmail]/Spam": ("\\Junk",),
    "[Gmail]/Starred": ("\\Flagged",),
    "[Gmail]/Trash": ("\\Trash",),
}
ALL_MAIL = "[Gmail]/All Mail"
SENT = "[Gmail]/Sent Mail"
TRASH = "[Gmail]/Trash"


@dataclass(slots=True, eq=False)
class Message:
    """A message as it came in, byte for byte."""

    raw: bytes
    received_at: float  #: seconds since 1970
    flags: set[str] = field(default_factory=set)
    number: int = 0  #: X-GM-MSGID
    popped: bool = False  #: a POP client has had it in a session that it ended with QUIT


@dataclass(slots=True, eq=False)
class Entry:
    """A message's place in one folder."""

    uid: int
    message: Message
    modseq: int


class Folder:
    """A numbered list of entries; only ``Mailbox`` changes it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []
        self.next_uid = 1
        self.subscribed = True

    def add(self, message: Message, modseq: int) -> Entry:
        """Append a message and return its place."""
        entry = Entry(self.next_uid, message, modseq)
        self.next_uid += 1
        self.entries.append(entry)
        return entry

    def holds(self, message: Message) -> bool:
        """True when the message stands in this folder."""
        return any(entry.message is message for entry in self.entries)


class Mailbox:
    """All folders of one account."""

    def __init__(self) -> None:
        self.folders = {name: Folder(name) for name in SPECIAL_FOLDERS}
        self.modseq = 1
        self._numbers = itertools.count(1_700_000_000_000_000_000 + secrets.randbelow(1 << 40))
        self._changed = Event()

    def folder(self, name: str) -> Folder | None:
        """Return the folder of this name (INBOX without case, RFC 3501 5.1), or None."""
        return self.folders.get("INBOX" if name.upper() == "INBOX" else name)

    def deliver(self, raw: bytes, received_at: float, *, folder: str = "INBOX", flags: frozenset[str] = frozenset()) -> Message:
        """Store a message byte for byte in ``folder`` and in All Mail, and return it."""
        return self.append(self.folders[folder], raw, received_at, flags).message

    def append(self, folder: Folder, raw: bytes, received_at: float, flags: frozenset[str] = frozenset()) -> Entry:
        """Store a message byte for byte in ``folder`` and in All Mail, and return its place in ``folder``."""
        message = Message(raw, received_at, set(flags), next(self._numbers))
        entry = folder.add(message, self.next_modseq())
        if folder.name != ALL_MAIL:
            self.folders[ALL_MAIL].add(message, self.modseq)
        self.notify()
        return entry

    def copy(self, message: Message, folder: Folder) -> Entry:
        """Show a message in a further folder and return its place there; a message that is there keeps its place."""
        for entry in folder.entries:
            if entry.message is message:
                return entry
        entry = folder.add(message, self.next_modseq())
        self.notify()
        return entry

    def remove(self, folder: Folder, entries: list[Entry]) -> None:
        """Take entries out of a folder; the messages stay in the folders that show them too."""
        gone = set(map(id, entries))
        folder.entries = [entry for entry in folder.entries if id(entry) not in gone]
        self.next_modseq()
        self.notify()

    def touch(self, entry: Entry) -> None:
        """Note that an entry's flags changed."""
        entry.modseq = self.next_modseq()
        self.notify()

    def next_modseq(self) -> int:
        """Count one change and return its number (RFC 7162)."""
        self.modseq += 1
        return self.modseq

    def notify(self) -> None:
        """Wake everybody who waits for a change."""
        changed, self._changed = self._changed, Event()
        changed.set()

    def changed(self) -> Event:
        """Return the event of the next change; take it before looking, wait on it after."""
        return self._changed
