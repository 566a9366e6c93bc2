"""Behind a real HAProxy: who the client is, and who may say so."""

import contextlib
import socket
import time

import pytest

from cgappliance.testing.lab.world import TARO, World
from tests.integration.operations.balancer import Balancer
from tests.integration.talking import ACCEPTED, IMAP, PROTOCOLS, REFUSED

BALANCER = "127.0.0.9"  # the address that it connects from
INSIDE, OUTSIDE = "127.0.1.5", "127.0.2.5"  # clients: the profile lets in 127.0.1.0/24


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("balanced"), remote_ips=("127.0.1.0/24",))
    with world:
        listen = world.tenant_file().partition("[listen]\n")[2].partition("\n\n")[0]
        world.appliance.tenant("acme", world.tenant_file(listen=f'{listen}\nproxy_protocol_from = ["{BALANCER}/32"]'))
        world.appliance.ask("reload")
        yield world


@pytest.fixture(scope="module", params=["send-proxy", "send-proxy-v2"])
def balancer(world, tmp_path_factory, request):
    nodes = {"mail1": {protocol: world.ports.of(protocol) for protocol in PROTOCOLS}}
    with Balancer(tmp_path_factory.mktemp("haproxy"), nodes, header=request.param, source=BALANCER) as balancer:
        yield balancer


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_client_is_who_the_header_says(balancer, talk, log, protocol):
    client = talk(protocol, source=INSIDE, port=balancer.ports[protocol])
    assert client.log_in_as(TARO).startswith(ACCEPTED[protocol])
    assert log()[-1]["peer"] == INSIDE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_profile_looks_at_the_client_and_not_at_the_load_balancer(balancer, talk, log, protocol):
    client = talk(protocol, source=OUTSIDE, port=balancer.ports[protocol])
    assert client.log_in_as(TARO) == REFUSED[protocol]
    assert (log()[-1]["peer"], log()[-1]["reason"]) == (OUTSIDE, "ip_not_allowed")


def test_the_live_list_shows_the_client(world, balancer, talk):
    client = talk(IMAP, source=INSIDE, port=balancer.ports[IMAP])
    client.log_in_as(TARO)
    assert INSIDE in {row["peer"] for row in world.appliance.ask("sessions")}
    assert world.appliance.ask("kick", network=f"{INSIDE}/32") >= 1


@contextlib.contextmanager
def connected(world, source):
    with socket.create_connection(("127.0.0.1", world.ports.imaps), 10, (source, 0)) as sock:
        yield sock


def closed_without_a_word(sock):
    try:
        return sock.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"PROXY TCP4 127.0.1.5 127.0.0.1 1 2\r\n", b"", b"\x16\x03\x01\x00\xff"])
def test_nobody_else_may_say_who_the_client_is(world, log, sent):
    started = time.monotonic()
    with connected(world, "127.0.0.1") as sock:
        sock.sendall(sent)
        assert closed_without_a_word(sock)
    assert time.monotonic() - started < 1
    assert "not one of the load balancers" in log("connection.lost")[-1]["detail"]


def test_a_load_balancer_without_a_header_is_dropped_after_three_seconds(world, log):
    started = time.monotonic()
    with connected(world, BALANCER) as sock:
        assert closed_without_a_word(sock)
    assert 2.9 < time.monotonic() - started < 4
    assert log("connection.lost")[-1]["detail"].startswith("PROXY header")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03",  # a client hello: the header was forgotten
        b"PROXY TCP4 127.0.1.5\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        bytes.fromhex("0D0A0D0A000D0A515549540A") + b"\x31\x11\x00\x0c" + bytes(12),
        bytes.fromhex("0D0A0D0A000D0A515549540A") + b"\x21\x11\xff\xff" + bytes(12),
    ],
)
def test_what_is_no_header_is_dropped_at_once(world, sent):
    started = time.monotonic()
    with connected(world, BALANCER) as sock:
        sock.sendall(sent)
        assert closed_without_a_word(sock)
    assert time.monotonic() - started < 1


def test_a_header_that_comes_byte_by_byte_with_the_hello_behind_it(world, trust):
    with connected(world, BALANCER) as sock:
        for byte in b"PROXY TCP4 127.0.1.5 127.0.0.1 1111 2222\r\n":
            sock.sendall(bytes([byte]))
        with trust.wrap_socket(sock, server_hostname="localhost") as tls:
            assert tls.recv(1000).startswith(b"* OK")


def test_a_health_check_of_the_load_balancer_itself_is_no_client(world, log):
    with connected(world, BALANCER) as sock:
        sock.sendall(bytes.fromhex("0D0A0D0A000D0A515549540A") + b"\x20\x00\x00\x00")
    assert log() == []
