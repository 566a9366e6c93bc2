"""FETCH: the items that a client can ask for, and their values as bytes.

Pure. A message's bytes are never rebuilt: ``BODY[]``, headers, text and partial ranges are slices of what came in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cgappliance.testing.gmail.imap.parse import Argument, BadCommand
from cgappliance.testing.gmail.imap.structure import body_structure, envelope, quoted, section_of_part
from cgappliance.testing.gmail.imap.view import flags_text
from cgappliance.testing.gmail.mailbox import Entry, Mailbox

Value = Callable[[Entry, Mailbox], bytes]

MACROS = {
    "ALL": ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"],
    "FAST": ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
    "FULL": ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"],
}
SECTION = re.compile(r"BODY(\.PEEK)?\[(.*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE | re.DOTALL)
FIELDS = re.compile(r"HEADER\.FIELDS(\.NOT)? \((.*)\)", re.IGNORECASE)
PART = re.compile(r"(\d+(?:\.\d+)*)(?:\.(MIME|HEADER|TEXT))?", re.IGNORECASE)
LABELS = {"INBOX": "\\Inbox", "[Gmail]/Sent Mail": "\\Sent", "[Gmail]/Drafts": "\\Draft", "[Gmail]/Important": "\\Important"}


@dataclass(frozen=True, slots=True)
class FetchItem:
    """One item: the name in the answer, how to get the value, and whether asking marks the message as read."""

    name: bytes
    value: Value
    marks_seen: bool = False


def fetch_items(argument: Argument, *, by_uid: bool) -> list[FetchItem]:
    """Return the items of a FETCH; a UID FETCH always has UID (RFC 3501 6.4.8).

    Raises:
        BadCommand: an item that does not exist.
    """
    names = [item for item in argument if isinstance(item, bytes)] if isinstance(argument, list) else [argument]
    texts = [name.decode("ascii", "replace") for name in names]
    if len(texts) == 1:
        texts = MACROS.get(texts[0].upper(), texts)
    if by_uid and not any(text.upper() == "UID" for text in texts):
        texts = ["UID", *texts]
    items = [_item(text) for text in texts]
    return sorted(items, key=lambda item: ORDER.get(item.name, len(ORDER)))


def render(items: list[FetchItem], entry: Entry, mailbox: Mailbox) -> bytes:
    """Return what stands between the parentheses of the FETCH answer."""
    return b" ".join(item.name + b" " + item.value(entry, mailbox) for item in items)


def _item(text: str) -> FetchItem:
    section = SECTION.fullmatch(text)
    if section:
        return _section_item(section)
    name = text.upper()
    if name not in SIMPLE:
        raise BadCommand("Could not parse command")
    return FetchItem(name.encode(), SIMPLE[name], marks_seen=name in ("RFC822", "RFC822.TEXT"))


def _section_item(match: re.Match[str]) -> FetchItem:
    section = match[2].upper()
    read = _section_reader(section)
    name = f"BODY[{section}]"
    if match[3] is None:
        return FetchItem(name.encode(), lambda entry, _: literal(read(entry.message.raw)), marks_seen=not match[1])
    start, size = int(match[3]), int(match[4])
    return FetchItem(
        f"{name}<{start}>".encode(),
        lambda entry, _: literal(read(entry.message.raw)[start : start + size]),
        marks_seen=not match[1],
    )


def _section_reader(section: str) -> Callable[[bytes], bytes]:
    fields, part = FIELDS.fullmatch(section), PART.fullmatch(section)
    if not section:
        return lambda raw: raw
    if section == "HEADER":
        return lambda raw: split(raw)[0]
    if section == "TEXT":
        return lambda raw: split(raw)[1]
    if fields:
        names, wanted = {name.strip('"') for name in fields[2].split()}, not fields[1]
        return lambda raw: header_fields(split(raw)[0], names, wanted=wanted)
    if part:
        numbers, what = [int(number) for number in part[1].split(".")], part[2] or ""
        return lambda raw: section_of_part(raw, numbers, what)
    raise BadCommand("Could not parse command")


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Return a message's header, with the empty line that ends it, and its text."""
    if raw.startswith(b"\r\n"):
        return raw[:2], raw[2:]
    head, separator, text = raw.partition(b"\r\n\r\n")
    return (head + separator, text) if separator else (raw, b"")


def header_fields(header: bytes, names: set[str], *, wanted: bool) -> bytes:
    """Return the header's lines whose field is (not) in ``names``, upper case, and the empty line."""
    kept = []
    keep = False
    for line in header.split(b"\r\n"):
        if not line:
            continue
        if line[:1] not in b" \t":
            keep = (line.partition(b":")[0].strip().decode("ascii", "replace").upper() in names) is wanted
        if keep:
            kept.append(line)
    return b"".join(line + b"\r\n" for line in (*kept, b""))


def literal(data: bytes) -> bytes:
    """Return data as an IMAP literal."""
    return b"{%d}\r\n" % len(data) + data


def _internal_date(entry: Entry, _mailbox: Mailbox) -> bytes:
    return datetime.fromtimestamp(entry.message.received_at, UTC).strftime('"%d-%b-%Y %H:%M:%S +0000"').encode()


def _labels(entry: Entry, mailbox: Mailbox) -> bytes:
    names = [name for name, folder in mailbox.folders.items() if name != "[Gmail]/All Mail" and folder.holds(entry.message)]
    return b"(" + b" ".join(quoted(LABELS.get(name, name)) for name in names) + b")"


#: in the order in which Gmail answers, whatever the client asked for first; getmail counts on it
SIMPLE: dict[str, Value] = {
    "X-GM-THRID": lambda entry, _: b"%d" % entry.message.number,
    "X-GM-MSGID": lambda entry, _: b"%d" % entry.message.number,
    "X-GM-LABELS": _labels,
    "UID": lambda entry, _: b"%d" % entry.uid,
    "MODSEQ": lambda entry, _: b"(%d)" % entry.modseq,
    "RFC822.SIZE": lambda entry, _: b"%d" % len(entry.message.raw),
    "INTERNALDATE": _internal_date,
    "FLAGS": lambda entry, _: b"(" + flags_text(entry).encode() + b")",
    "RFC822": lambda entry, _: literal(entry.message.raw),
    "RFC822.HEADER": lambda entry, _: literal(split(entry.message.raw)[0]),
    "RFC822.TEXT": lambda entry, _: literal(split(entry.message.raw)[1]),
    "ENVELOPE": lambda entry, _: envelope(entry.message.raw),
    "BODY": lambda entry, _: body_structure(entry.message.raw, extended=False),
    "BODYSTRUCTURE": lambda entry, _: body_structure(entry.message.raw, extended=True),
}
ORDER = {name.encode(): number for number, name in enumerate(SIMPLE)}
