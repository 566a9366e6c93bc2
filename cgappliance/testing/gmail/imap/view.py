"""What one session sees of the folder it has selected: sequence numbers that only move when the client is told.

Pure but for the mailbox it reads: no protocol bytes are written here, ``updates`` returns the lines.
"""

from __future__ import annotations

from cgappliance.testing.gmail.imap.parse import BadCommand
from cgappliance.testing.gmail.mailbox import Entry, Folder, Mailbox


class View:
    """A selected folder."""

    def __init__(self, mailbox: Mailbox, folder: Folder, *, read_only: bool) -> None:
        self.mailbox = mailbox
        self.folder = folder
        self.read_only = read_only
        self.entries = list(folder.entries)
        self.seen_modseq = mailbox.modseq

    def updates(self, *, expunges: bool) -> list[str]:
        """Return the untagged lines, without ``* ``, that bring the client up to date, and count on that it reads them.

        Args:
            expunges: False while a command by sequence number is answered (RFC 3501 7.4.1).
        """
        lines = self._expunges() if expunges else []
        known = set(map(id, self.entries))
        for number, entry in enumerate(self.entries, 1):
            if entry.modseq > self.seen_modseq:
                lines.append(f"{number} FETCH (UID {entry.uid} MODSEQ ({entry.modseq}) FLAGS ({flags_text(entry)}))")
        new = [entry for entry in self.folder.entries if id(entry) not in known]
        if new:
            self.entries += new
            lines.append(f"{len(self.entries)} EXISTS")
        self.seen_modseq = self.mailbox.modseq
        return lines

    def forget_changes(self) -> None:
        """Take the flags as known: the client has just been told, or asked not to be (``.SILENT``)."""
        self.seen_modseq = self.mailbox.modseq

    def select(self, numbers: str, *, by_uid: bool) -> list[tuple[int, Entry]]:
        """Return the messages of a sequence set with their sequence numbers, in order.

        Raises:
            BadCommand: not a sequence set, or a sequence number beyond the last message.
        """
        largest = (self.entries[-1].uid if by_uid else len(self.entries)) if self.entries else 0
        ranges = [_range(part, largest) for part in numbers.split(",")]
        chosen = []
        for number, entry in enumerate(self.entries, 1):
            key = entry.uid if by_uid else number
            if any(low <= key <= high for low, high in ranges):
                chosen.append((number, entry))
        return chosen

    def _expunges(self) -> list[str]:
        """Drop what has left the folder; the numbers count down from the end so that each is right when it is read."""
        present = set(map(id, self.folder.entries))
        gone = [number for number, entry in enumerate(self.entries, 1) if id(entry) not in present]
        self.entries = [entry for entry in self.entries if id(entry) in present]
        return [f"{number} EXPUNGE" for number in reversed(gone)]


def flags_text(entry: Entry) -> str:
    """Return a message's flags as they stand between parentheses."""
    return " ".join(sorted(entry.message.flags))


def _range(part: str, largest: int) -> tuple[int, int]:
    ends = [largest if end == "*" else int(end) if end.isdigit() else -1 for end in part.split(":")]
    if len(ends) > 2 or min(ends) < 0:
        raise BadCommand("Could not parse command")
    return min(ends), max(ends)
