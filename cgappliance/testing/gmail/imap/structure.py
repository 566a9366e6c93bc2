"""ENVELOPE, BODYSTRUCTURE and numbered parts, by the standard library's e-mail parser.

Pure. Messages that are not MIME-clean give what the parser makes of them; nothing here raises for a message's content.
"""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses

PARSER = policy.compat32  #: keeps headers and payloads as they came


def envelope(raw: bytes) -> bytes:
    """Return the ENVELOPE of a message (RFC 3501 7.4.2)."""
    return _envelope(message_from_bytes(raw, policy=PARSER))


def body_structure(raw: bytes, *, extended: bool) -> bytes:
    """Return BODYSTRUCTURE, or BODY when not ``extended`` (RFC 3501 7.4.2)."""
    return _structure(message_from_bytes(raw, policy=PARSER), extended=extended)


def section_of_part(raw: bytes, numbers: list[int], what: str) -> bytes:
    """Return a numbered part: body, MIME header, or (of a message/rfc822 part) HEADER or TEXT; b"" when there is none."""
    part = _numbered(message_from_bytes(raw, policy=PARSER), numbers[0])
    for number in numbers[1:]:
        part = part and _numbered(_inner(part) or part, number)
    if part is None:
        return b""
    if what == "MIME":
        return _header(part)
    inner = _inner(part) if what else None
    if inner is not None:
        return _header(inner) if what == "HEADER" else _body(inner)
    return _body(part)


def quoted(value: str | None) -> bytes:
    """Return a text as an IMAP string: NIL for None, a literal where a quoted string may not hold it."""
    if value is None:
        return b"NIL"
    data = value.encode("utf-8", "surrogateescape")
    if any(byte in data for byte in b"\r\n\0") or not data.isascii():
        return b"{%d}\r\n" % len(data) + data
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _envelope(message: Message) -> bytes:
    sender = _addresses(message, "From")
    parts = [
        quoted(_text(message, "Date")),
        quoted(_text(message, "Subject")),
        sender,
        _addresses(message, "Sender", sender),
        _addresses(message, "Reply-To", sender),
        _addresses(message, "To"),
        _addresses(message, "Cc"),
        _addresses(message, "Bcc"),
        quoted(_text(message, "In-Reply-To")),
        quoted(_text(message, "Message-ID")),
    ]
    return b"(" + b" ".join(parts) + b")"


def _text(message: Message, name: str) -> str | None:
    value = message.get(name)
    return None if value is None else "".join(str(value).splitlines())


def _addresses(message: Message, name: str, absent: bytes = b"NIL") -> bytes:
    found = [(display, address) for display, address in getaddresses(_texts(message, name)) if address]
    if not found:
        return absent
    return b"(" + b"".join(_address(display, address) for display, address in found) + b")"


def _texts(message: Message, name: str) -> list[str]:
    return ["".join(str(value).splitlines()) for value in message.get_all(name, [])]


def _address(display: str, address: str) -> bytes:
    local, _, domain = address.rpartition("@")
    return b"(" + b" ".join((quoted(display or None), b"NIL", quoted(local or address), quoted(domain))) + b")"


def _structure(part: Message, *, extended: bool) -> bytes:
    subtype = quoted(part.get_content_subtype().upper())
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        children = b"".join(_structure(child, extended=extended) for child in _children(part))
        tail = b" " + _parameters(part) + b" NIL NIL NIL" if extended else b""
        return b"(" + children + b" " + subtype + tail + b")"
    body = _body(part)
    fields = [
        quoted(part.get_content_maintype().upper()),
        subtype,
        _parameters(part),
        quoted(_text(part, "Content-ID")),
        quoted(_text(part, "Content-Description")),
        quoted((_text(part, "Content-Transfer-Encoding") or "7BIT").upper()),
        b"%d" % len(body),
        *_details(part, body, extended=extended),
    ]
    if extended:
        fields += [b"NIL", _disposition(part), b"NIL", b"NIL"]
    return b"(" + b" ".join(fields) + b")"


def _details(part: Message, body: bytes, *, extended: bool) -> Iterable[bytes]:
    """Return what text and message/rfc822 parts have in addition: lines, and the message's own envelope and structure."""
    lines = b"%d" % body.count(b"\n")
    inner = _inner(part)
    if inner is not None:
        return [_envelope(inner), _structure(inner, extended=extended), lines]
    return [lines] if part.get_content_maintype() == "text" else []


def _parameters(part: Message) -> bytes:
    pairs = [(name, str(value)) for name, value in part.get_params(failobj=[])[1:]]
    if not pairs:
        return b'("CHARSET" "US-ASCII")' if part.get_content_maintype() == "text" else b"NIL"
    return b"(" + b" ".join(quoted(name.upper()) + b" " + quoted(value) for name, value in pairs) + b")"


def _disposition(part: Message) -> bytes:
    kind = part.get_content_disposition()
    if kind is None:
        return b"NIL"
    name = part.get_filename()
    parameters = b"NIL" if name is None else b'("FILENAME" ' + quoted(name) + b")"
    return b"(" + quoted(kind.upper()) + b" " + parameters + b")"


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _numbered(message: Message, number: int) -> Message | None:
    """Return the part of this number, from 1, or None; a message that has no parts is its own number 1 (RFC 3501 6.4.5)."""
    if message.get_content_maintype() != "multipart":
        return message if number == 1 else None
    children = _children(message)
    return children[number - 1] if 0 < number <= len(children) else None


def _inner(part: Message) -> Message | None:
    """Return the message inside a message/rfc822 part."""
    return next(iter(_children(part)), None) if part.get_content_type() == "message/rfc822" else None


def _header(part: Message) -> bytes:
    lines = [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in part.raw_items()]
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def _body(part: Message) -> bytes:
    """Return a part's content as it came; of parts that hold parts, as the library writes it."""
    payload = part.get_payload()
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogateescape")
    whole = part.as_bytes(policy=PARSER.clone(linesep="\r\n"))
    return whole.partition(b"\r\n\r\n")[2]
