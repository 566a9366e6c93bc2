import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.model import Peer
from cgappliance.net.proxy_header import V1_MAX_BYTES, V2_SIGNATURE, BadHeader, Header, parse


def v2(command, family, body):
    return V2_SIGNATURE + bytes((command, family)) + len(body).to_bytes(2) + body


TCP4_BODY = ipaddress.ip_address("203.0.113.7").packed + ipaddress.ip_address("192.0.2.1").packed + b"\x9c\x40\x27\x10"
TCP6_BODY = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("2001:db8::1").packed + b"\x9c\x40\x27\x10"
MAPPED_BODY = ipaddress.ip_address("::ffff:203.0.113.7").packed + ipaddress.ip_address("2001:db8::1").packed + b"\x9c\x40\x27\x10"

GOOD = [
    (b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10000\r\n", Peer.of("203.0.113.7", 40000)),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 10000\r\n", Peer.of("2001:db8::7", 40000)),
    (b"PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 40000 10000\r\n", Peer.of("203.0.113.7", 40000)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f:ffff whatever 1 2\r\n", None),
    (v2(0x21, 0x11, TCP4_BODY), Peer.of("203.0.113.7", 40000)),
    (v2(0x21, 0x21, TCP6_BODY), Peer.of("2001:db8::7", 40000)),
    (v2(0x21, 0x21, MAPPED_BODY), Peer.of("203.0.113.7", 40000)),
    (v2(0x21, 0x11, TCP4_BODY + b"\x04\x00\x03abc"), Peer.of("203.0.113.7", 40000)),  # a TLV behind the addresses
    (v2(0x20, 0x00, b""), None),  # LOCAL: a health check
    (v2(0x20, 0x11, TCP4_BODY), None),
]


@pytest.mark.parametrize(("data", "peer"), GOOD)
def test_header_is_parsed_whatever_follows_it(data, peer):
    assert parse(data) == Header(len(data), peer)
    assert parse(data + b"\x16\x03\x01") == Header(len(data), peer)


@pytest.mark.parametrize("data", [data for data, _ in GOOD])
def test_every_prefix_needs_more(data):
    assert [parse(data[:size]) for size in range(len(data))] == [None] * len(data)


BAD = [
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 40000\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10000 1\r\n",
    b"PROXY TCP4  203.0.113.7 192.0.2.1 40000 10000\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 10000\r\n",
    b"PROXY TCP4 203.0.113.700 192.0.2.1 40000 10000\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 70000 10000\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 040 10000\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 -1 10000\r\n",
    b"PROXY UDP4 203.0.113.7 192.0.2.1 40000 10000\r\n",
    b"PROXY TCP4 203.0.113.7 192.0.2.1 \xc2\xb2 10000\r\n",
    b"PROXY " + b"x" * V1_MAX_BYTES,
    v2(0x11, 0x11, TCP4_BODY),  # version 1 in the version 2 form
    v2(0x22, 0x11, TCP4_BODY),  # an unknown command
    v2(0x21, 0x12, TCP4_BODY),  # UDP
    v2(0x21, 0x11, TCP4_BODY[:8]),
    v2(0x21, 0x21, TCP4_BODY),
    V2_SIGNATURE + b"\x21\x11\xff\xff",
]


@pytest.mark.parametrize("data", BAD)
def test_what_is_no_header_is_refused(data):
    with pytest.raises(BadHeader):
        parse(data)


@given(st.binary(max_size=200) | st.binary(max_size=150).map(lambda tail: b"PROXY TCP4 " + tail))
def test_any_bytes_give_a_header_or_a_reason(data):
    try:
        found = parse(data)
    except BadHeader:
        return
    assert found is None or found.size <= len(data)
