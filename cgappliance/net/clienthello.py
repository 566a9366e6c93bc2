"""Reads one thing from a TLS ClientHello: the ALPN protocols that a client offers (RFC 7301, RFC 8446 4.1.2). Pure.

OpenSSL's server callback, as Python offers it, cannot tell "no ALPN" from "no protocol in common". A mail port must accept the
first and refuse the second, or a browser can be made to speak HTTP to it with our certificate (the ALPACA attack).
"""

from __future__ import annotations

import enum
from typing import Final

RECORD_HEADER_BYTES: Final = 5
HANDSHAKE_HEADER_BYTES: Final = 4
MAX_HELLO_BYTES: Final = 16_384 + RECORD_HEADER_BYTES  #: one TLS record; clients send 200 to 2,000 bytes
CONTENT_HANDSHAKE: Final = 22
CLIENT_HELLO: Final = 1
EXTENSION_ALPN: Final = 16

NO_APPLICATION_PROTOCOL_ALERT: Final = bytes.fromhex("15 03 03 00 02 02 78")  #: fatal alert 120 (RFC 7301 3.2), not yet encrypted


class Hello(enum.Enum):
    """What can be said of the bytes so far, when it is not a list of protocols."""

    INCOMPLETE = "more bytes needed"
    NO_ALPN = "no ALPN offered, or not a ClientHello that can be read here: OpenSSL has the last word on it"


def offered_alpn(data: bytes) -> tuple[bytes, ...] | Hello:
    """Return the ALPN protocol names that the ClientHello at the start of ``data`` offers."""
    if len(data) < RECORD_HEADER_BYTES:
        return Hello.INCOMPLETE
    if data[0] != CONTENT_HANDSHAKE:
        return Hello.NO_ALPN
    end = RECORD_HEADER_BYTES + int.from_bytes(data[3:5])
    if end > MAX_HELLO_BYTES:
        return Hello.NO_ALPN
    if len(data) < end:
        return Hello.INCOMPLETE
    hello = data[RECORD_HEADER_BYTES:end]
    if EXTENSION_ALPN.to_bytes(2) not in hello:  # cheap look first: most mail clients offer none
        return Hello.NO_ALPN
    try:
        return _alpn_of(hello)
    except IndexError:
        return Hello.NO_ALPN


def _alpn_of(hello: bytes) -> tuple[bytes, ...] | Hello:
    if hello[0] != CLIENT_HELLO:
        return Hello.NO_ALPN
    at = HANDSHAKE_HEADER_BYTES + 2 + 32  # legacy_version, random
    at += 1 + hello[at]  # legacy_session_id
    at += 2 + _u16(hello, at)  # cipher_suites
    at += 1 + hello[at]  # legacy_compression_methods
    end = at + 2 + _u16(hello, at)
    at += 2
    while at + 4 <= end:
        kind, size = _u16(hello, at), _u16(hello, at + 2)
        at += 4
        if kind == EXTENSION_ALPN:
            return _names(hello[at + 2 : at + size])
        at += size
    return Hello.NO_ALPN


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _names(data: bytes) -> tuple[bytes, ...]:
    names, at = [], 0
    while at < len(data):
        size = data[at]
        names.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return tuple(names)
