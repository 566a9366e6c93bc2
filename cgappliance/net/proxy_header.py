"""The PROXY protocol header, versions 1 and 2, strictly (haproxy.org, proxy-protocol.txt). Pure: bytes in, header out.

A listener that expects the header never guesses: no header, no connection. Who may send one is the listener's business.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from cgappliance.model import Peer

V1_MAX_BYTES: Final = 107  #: section 2.1: the longest possible line with its CRLF
V2_SIGNATURE: Final = bytes.fromhex("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A")
V2_FIXED_BYTES: Final = 16
V2_MAX_BYTES: Final = 4096  #: addresses and TLVs; the text promises 536 at most in practice, nginx accepts as much as this

_V2_LOCAL, _V2_PROXY = 0x20, 0x21
_V2_TCP4, _V2_TCP6 = 0x11, 0x21
_V1_PREFIX: Final = b"PROXY "


class BadHeader(ValueError):
    """What came is not a header; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Header:
    """A complete header."""

    size: int  #: octets that it took
    peer: Peer | None  #: the client as the load balancer saw it; None (LOCAL, UNKNOWN): the real connection is what counts


def parse(data: bytes) -> Header | None:
    """Return the header at the start of ``data``, or None while more bytes are needed.

    Raises:
        BadHeader: it can no longer become one.
    """
    if data[: len(V2_SIGNATURE)] == V2_SIGNATURE[: len(data)]:
        return _parse_v2(data) if len(data) >= V2_FIXED_BYTES else None
    if data[: len(_V1_PREFIX)] == _V1_PREFIX[: len(data)]:
        return _parse_v1(data)
    raise BadHeader("no PROXY header")


def _parse_v1(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, V1_MAX_BYTES)
    if end < 0:
        if len(data) >= V1_MAX_BYTES:
            raise BadHeader("PROXY v1: no CRLF within 107 octets")
        return None
    try:
        fields = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadHeader("PROXY v1: not ASCII") from None
    if fields[1] == "UNKNOWN":  # section 2.1: ignore the rest of the line
        return Header(end + 2, None)
    if len(fields) != 6 or fields[1] not in ("TCP4", "TCP6"):
        raise BadHeader("PROXY v1: not 'PROXY TCP4|TCP6 source destination port port'")
    family = 4 if fields[1] == "TCP4" else 6
    source, _destination = (_address(text, family) for text in fields[2:4])
    port, _destination_port = (_port(text) for text in fields[4:6])
    return Header(end + 2, Peer.of(source, port))


def _address(text: str, family: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise BadHeader("PROXY v1: bad address") from None
    if address.version != family:
        raise BadHeader("PROXY v1: address is not of the announced family")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and (text == "0" or text[0] != "0") and int(text) <= 65535):
        raise BadHeader("PROXY v1: bad port")
    return int(text)


def _parse_v2(data: bytes) -> Header | None:
    command, family, length = data[12], data[13], int.from_bytes(data[14:16])
    size = V2_FIXED_BYTES + length
    if command not in (_V2_LOCAL, _V2_PROXY):
        raise BadHeader("PROXY v2: unknown version or command")
    if size > V2_MAX_BYTES:
        raise BadHeader("PROXY v2: longer than 4096 octets")
    if len(data) < size:
        return None
    if command == _V2_LOCAL:  # a health check of the load balancer itself
        return Header(size, None)
    if family == _V2_TCP4 and length >= 12:
        return Header(size, Peer.of(str(ipaddress.IPv4Address(data[16:20])), int.from_bytes(data[24:26])))
    if family == _V2_TCP6 and length >= 36:
        return Header(size, Peer.of(str(ipaddress.IPv6Address(data[16:32])), int.from_bytes(data[48:50])))
    raise BadHeader("PROXY v2: not TCP over IPv4 or IPv6, or too short for its addresses")
