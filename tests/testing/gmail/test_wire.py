"""The wire over a socket pair: no server, no TLS."""

import socket as plain_socket

import gevent
import pytest
from gevent import socket

from cgappliance.testing.gmail.records import KEPT_BYTES_BEFORE_LOGIN, ConnectionRecord
from cgappliance.testing.gmail.wire import LINE_LIMIT_BYTES, Hangup, LineTooLong, Wire


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    wire = Wire(ours, ConnectionRecord(1, "imap", "127.0.0.1:1", 0.0))
    yield wire, theirs
    theirs.close()
    wire.close()


def test_lines_end_with_crlf_or_lf(pair):
    wire, client = pair
    client.sendall(b"one\r\ntwo\nthree\r\r\n")

    assert [wire.read_line() for _ in range(3)] == [b"one", b"two", b"three\r"]


def test_line_may_come_byte_by_byte(pair):
    wire, client = pair
    reader = gevent.spawn(wire.read_line)
    for byte in b"slow\r\n":
        client.sendall(bytes([byte]))
        gevent.sleep(0)

    assert reader.get(timeout=5) == b"slow"


def test_exact_reads_leave_the_rest(pair):
    wire, client = pair
    client.sendall(b"12345rest\r\n")

    assert wire.read_exact(5) == b"12345"
    assert wire.read_line() == b"rest"


def test_unread_comes_first(pair):
    wire, client = pair
    client.sendall(b"b\r\n")
    wire.unread(b"a")

    assert wire.read_line() == b"ab"


def test_mark_split_over_two_reads_is_found(pair):
    wire, client = pair
    reader = gevent.spawn(wire.read_until, b"\r\n.\r\n", 1000)
    for part in (b"data\r\n", b".", b"\r\nrest"):
        client.sendall(part)
        gevent.sleep(0.001)

    assert reader.get(timeout=5) == b"data"
    assert wire.read_exact(4) == b"rest"


def test_line_without_end_is_cut_off(pair):
    wire, client = pair
    client.sendall(b"x" * (LINE_LIMIT_BYTES + 1))

    with pytest.raises(LineTooLong):
        wire.read_line()


def test_end_of_the_client_is_a_hangup(pair):
    wire, client = pair
    client.shutdown(plain_socket.SHUT_WR)

    with pytest.raises(Hangup, match="closed by the client"):
        wire.read_line()


def test_bytes_are_counted_both_ways(pair):
    wire, client = pair
    client.sendall(b"one\r\n")
    wire.read_line()
    wire.send(b"answer")
    wire.logged_in()
    wire.send(b"mail")

    assert (wire.record.bytes_in, wire.record.bytes_out, wire.sent_since_login) == (5, 10, 4)


def test_flood_before_login_is_not_kept(pair):
    wire, client = pair
    for _ in range(4):
        client.sendall(b"x" * KEPT_BYTES_BEFORE_LOGIN)
        wire.read_exact(KEPT_BYTES_BEFORE_LOGIN)

    assert len(wire.record.before_login) < 2 * KEPT_BYTES_BEFORE_LOGIN
