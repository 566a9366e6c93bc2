import ssl

import pytest

from cgappliance.net.clienthello import MAX_HELLO_BYTES, Hello, offered_alpn


def hello(*protocols):
    """Return a real client's first bytes."""
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="mail.acme.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_offered_protocols_are_read():
    assert offered_alpn(hello("h2", "http/1.1")) == (b"h2", b"http/1.1")
    assert offered_alpn(hello("imap")) == (b"imap",)


def test_no_alpn_is_told_apart():
    assert offered_alpn(hello()) is Hello.NO_ALPN


def test_every_prefix_is_incomplete():
    data = hello("imap")
    assert {offered_alpn(data[:size]) for size in range(1, len(data))} == {Hello.INCOMPLETE}


def test_bytes_behind_the_record_do_not_matter():
    assert offered_alpn(hello("imap") + b"\x14\x03\x03") == (b"imap",)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x03\x01", b"\x17\x03\x03\x00\x05hello"])
def test_what_is_no_client_hello_is_left_to_openssl(data):
    assert offered_alpn(data) is Hello.NO_ALPN


def test_a_record_longer_than_tls_allows_is_not_waited_for():
    assert offered_alpn(b"\x16\x03\x01" + (MAX_HELLO_BYTES).to_bytes(2)) is Hello.NO_ALPN


def test_lengths_that_point_outside_raise_nothing():
    data = bytearray(hello("imap"))
    for at in range(5, len(data)):
        broken = bytearray(data)
        broken[at] = 0xFF
        assert offered_alpn(bytes(broken)) is not None
