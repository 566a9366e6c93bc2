"""Who is let in before login, and who has to go."""

import ipaddress
import socket

import pytest

from cgappliance.errors import PeerGone
from cgappliance.net.counts import SharedCounts
from cgappliance.net.lobby import SPARE_DESCRIPTORS, Lobby
from cgappliance.net.places import Places


@pytest.fixture
def lobby():
    return make(SharedCounts(1).part(0))


def make(counts, *, sessions=10):
    held = [object()] * 3
    return Lobby(counts, Places(counts, sessions), held, per_address=2, at_all=4, descriptors=SPARE_DESCRIPTORS + 9)


@pytest.fixture
def connect():
    """Return a function that makes a connection and returns our end; ``connect.ends[ours]`` is the client's."""
    ends = {}

    def connection():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ends[ours] = theirs
        return ours

    connection.ends = ends
    yield connection
    for pair in ends.items():
        for end in pair:
            end.close()


def is_closed(client):
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def come(lobby, sock, address):
    visitor = lobby.enter(sock)
    try:
        lobby.introduce(visitor, ipaddress.ip_address(address))
    except PeerGone:
        lobby.leave(visitor)
        raise
    return visitor


def test_one_address_may_have_a_few(lobby, connect):
    come(lobby, connect(), "192.0.2.1")
    come(lobby, connect(), "192.0.2.1")
    with pytest.raises(PeerGone, match=r"too many connections of 192\.0\.2\.1"):
        come(lobby, connect(), "192.0.2.1")
    come(lobby, connect(), "192.0.2.2")


def test_an_ipv6_network_of_64_bits_is_one_address(lobby, connect):
    come(lobby, connect(), "2001:db8::1")
    come(lobby, connect(), "2001:db8::ffff:2")
    with pytest.raises(PeerGone):
        come(lobby, connect(), "2001:db8:0:0:3::")
    come(lobby, connect(), "2001:db8:0:1::1")


def test_who_leaves_makes_room(lobby, connect):
    for _ in range(10):
        visitor = come(lobby, connect(), "192.0.2.1")
        lobby.leave(visitor)
    assert len(lobby) == 0


def test_the_one_that_is_here_longest_goes_for_a_newcomer(lobby, connect):
    socks = [connect() for _ in range(6)]
    for number, sock in enumerate(socks):
        come(lobby, sock, f"192.0.2.{number}")
    assert [is_closed(connect.ends[sock]) for sock in socks] == [True, True, False, False, False, False]


def test_a_login_under_way_is_left_alone(lobby, connect):
    socks = [connect() for _ in range(5)]
    first = come(lobby, socks[0], "192.0.2.0")
    first.idle = False
    for number, sock in enumerate(socks[1:], start=1):
        come(lobby, sock, f"192.0.2.{number}")
    assert [is_closed(connect.ends[sock]) for sock in socks] == [False, True, False, False, False]


def test_the_newcomer_goes_when_all_others_wait_for_us(lobby, connect):
    for number in range(4):
        come(lobby, connect(), f"192.0.2.{number}").idle = False
    with pytest.raises(PeerGone, match="too many clients"):
        lobby.enter(connect())
    assert len(lobby) == 4


def test_workers_count_together(connect):
    shared = SharedCounts(2)
    first, second = make(shared.part(0)), make(shared.part(1))
    come(first, connect(), "192.0.2.1")
    come(second, connect(), "192.0.2.1")
    with pytest.raises(PeerGone):
        come(second, connect(), "192.0.2.1")


def test_nobody_is_let_in_while_there_is_no_place_for_a_session(connect):
    counts = SharedCounts(1).part(0)
    lobby, places = make(counts, sessions=1), Places(counts, 1)
    assert not lobby.is_full()
    place = places.take("acme", "yuki", of_tenant=9, of_account=9)
    assert lobby.is_full()
    places.give_back(place)
    assert not lobby.is_full()


def test_descriptors_run_out_by_visitors_sessions_and_what_else_there_is(lobby, connect):
    for number in range(2):
        come(lobby, connect(), f"192.0.2.{number}")
    assert not lobby.is_tight()  # 2, and 3 sessions with 2 each
    come(lobby, connect(), "192.0.2.9")
    assert lobby.is_tight()


def test_what_others_hold_counts_once_it_is_measured(lobby):
    assert not lobby.is_tight()
    lobby.measure()  # of this process: more than the three that would be left
    assert lobby.is_tight()


def test_room_is_made_by_those_who_say_nothing(lobby, connect):
    silent, busy = connect(), connect()
    come(lobby, busy, "192.0.2.1").idle = False
    come(lobby, silent, "192.0.2.2")
    assert lobby.make_room()
    assert is_closed(connect.ends[silent])
    assert not lobby.make_room()
    assert not is_closed(connect.ends[busy])
