import _socket
import errno
import os
import socket

import gevent
import pytest
from gevent.event import Event

from cgappliance.net import listener as module
from cgappliance.net.listener import GIVE_WAY_S, PAUSE_MIN_S, Listener, bind
from cgappliance.net.stream import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES
from cgappliance.testing.lab.process import wait_until

#: What ``tune`` sets, and what it comes to.
OPTIONS = {
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): KEEPALIVE_IDLE_S,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): KEEPALIVE_INTERVAL_S,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): KEEPALIVE_PROBES,
}


class Door:
    """Lets in as it is told."""

    def __init__(self):
        self.full = self.tight = False
        self.room = True
        self.asked_for_room = 0

    def is_full(self):
        return self.full

    def is_tight(self):
        return self.tight

    def make_room(self):
        self.asked_for_room += 1
        return self.room


class Manners:
    """Gives way as often as told."""

    def __init__(self, times=0):
        self.times = times
        self.asked = Event()
        self.vain = []

    def gives_way(self):
        self.asked.set()
        self.times -= 1
        return self.times >= 0

    def gave_way(self, *, in_vain):
        self.vain.append(in_vain)


class Reception:
    """A handler that notes who came, and closes the socket."""

    def __init__(self):
        self.came = []
        self.somebody = Event()

    def __call__(self, sock, address):
        self.came.append((address[0], sock.getblocking(), type(sock)))
        self.options = [sock.getsockopt(*option) for option in OPTIONS]
        sock.close()
        self.somebody.set()


@pytest.fixture
def sock():
    sock = bind("127.0.0.1", 0)
    yield sock
    sock.close()


@pytest.fixture
def serve(sock):
    """Return a function that makes a listener over the socket."""
    made = []

    def make(handler, door=None, manners=None):
        made.append(Listener("acme/imap", sock, handler, door or Door(), manners or Manners()))
        return made[-1]

    yield make
    for each in made:
        each.close()


def connect(sock):
    return socket.create_connection(sock.getsockname(), timeout=5)


class Failing:
    """A listening socket whose accept fails as often as told, and then does its work."""

    def __init__(self, sock, *errors):
        self.sock, self.errors, self.accepts = sock, list(errors), 0

    def _accept(self):
        self.accepts += 1
        if self.errors:
            code = self.errors.pop(0)
            raise OSError(code, os.strerror(code))
        return self.sock._accept()


# ---- bind


def test_bound_socket_listens_without_blocking(sock):
    assert not sock.getblocking()
    with pytest.raises(BlockingIOError):
        sock._accept()


def test_ipv4_and_ipv6_can_have_the_same_port(sock):
    other = bind("::1", sock.getsockname()[1])
    assert other.getsockname()[:2] == ("::1", sock.getsockname()[1])
    other.close()


def test_all_addresses_of_both_families_can_have_the_same_port():
    four = bind("0.0.0.0", 0)
    six = bind("::", four.getsockname()[1])
    four.close()
    six.close()


def test_port_that_is_taken_is_an_error(sock):
    with pytest.raises(OSError, match="Address already in use"):
        bind("127.0.0.1", sock.getsockname()[1])


def test_address_of_another_machine_is_an_error():
    with pytest.raises(OSError, match="Cannot assign requested address"):
        bind("192.0.2.1", 0)


# ---- accept


def test_what_is_accepted_has_the_options_that_every_connection_wants(sock, serve):
    reception = Reception()
    for option in OPTIONS:  # as on one that the service manager hands over
        if option[1] in (socket.TCP_NODELAY, socket.SO_KEEPALIVE):
            sock.setsockopt(*option, 0)
    serve(reception).start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert reception.options == list(OPTIONS.values())


def test_client_reaches_the_handler_on_a_bare_socket(sock, serve):
    reception = Reception()
    serve(reception).start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert reception.came == [("127.0.0.1", False, _socket.socket)]


def test_handler_that_raises_is_logged_and_the_next_client_served(sock, serve, capsys):
    reception, calls = Reception(), []

    def handler(sock, address):
        calls.append(address)
        if len(calls) == 1:
            sock.close()
            raise RuntimeError("broken")
        reception(sock, address)

    serve(handler).start()
    with connect(sock), connect(sock):
        assert reception.somebody.wait(5)
    assert len(calls) == 2


def test_two_workers_on_one_socket_share_a_burst(sock, serve):
    one, other = Reception(), Reception()
    clients = [connect(sock) for _ in range(20)]
    for reception in (one, other):
        serve(reception).start()
    wait_until(lambda: len(one.came) + len(other.came) == 20, "all served", 5)
    assert min(len(one.came), len(other.came)) >= 5
    for client in clients:
        client.close()


def test_client_that_is_left_to_another_worker_is_its(sock, serve):
    one, other, manners = Reception(), Reception(), Manners(1)
    serve(one, manners=manners).start()
    serve(other).start()
    with connect(sock):
        wait_until(lambda: manners.vain, "the moment is over", 5)
    assert (len(one.came), len(other.came)) == (0, 1)
    assert manners.vain == [False]


def test_client_that_nobody_else_takes_is_taken_after_a_moment_whatever_the_manners(sock, serve):
    reception, manners = Reception(), Manners(1000)
    serve(reception, manners=manners).start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert manners.vain == [True]


def test_listener_that_is_stopped_while_it_gives_way_accepts_nobody(sock, serve):
    reception, manners = Reception(), Manners(1)
    listener = serve(reception, manners=manners)
    listener.start()
    with connect(sock):
        assert manners.asked.wait(5)
        listener.stop()
        gevent.sleep(3 * GIVE_WAY_S)
        assert reception.came == []


def test_full_house_is_no_fault_of_the_worker_that_was_given_way_to(sock, serve):
    door, manners = Door(), Manners(1)
    door.full = True
    serve(Reception(), door, manners).start()
    with connect(sock):
        wait_until(lambda: manners.vain, "the moment is over", 5)
    assert manners.vain == [False]


def test_stopped_listener_leaves_clients_to_whoever_starts_next(sock, serve):
    reception = Reception()
    listener = serve(reception)
    listener.start()
    listener.stop()
    with connect(sock):
        gevent.sleep(0)
        assert reception.came == []
        listener.start()
        assert reception.somebody.wait(5)


# ---- errors


@pytest.mark.parametrize("code", [errno.ECONNABORTED, errno.EPROTO, errno.EHOSTUNREACH])
def test_client_that_was_gone_before_it_was_accepted_is_skipped(sock, serve, code):
    reception = Reception()
    listener = serve(reception)
    listener.sock = Failing(sock, code)
    listener.start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert listener._pause_s == PAUSE_MIN_S


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_out_of_descriptors_or_memory_pauses_makes_room_and_goes_on(sock, serve, code):
    reception, door = Reception(), Door()
    listener = serve(reception, door)
    listener.sock = Failing(sock, code, code)
    listener.start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert door.asked_for_room == 2
    assert listener.sock.accepts == 3  # and not thousands


def test_pauses_grow_to_a_limit_and_start_anew_after_a_success(sock, serve, monkeypatch):
    monkeypatch.setattr(module, "PAUSE_MAX_S", 0.03)
    reception = Reception()
    listener = serve(reception)
    listener.sock = Failing(sock, *[errno.EMFILE] * 4)
    listener.start()
    with connect(sock):
        wait_until(lambda: len(listener.sock.errors) == 0, "all failures over", 5)
        assert listener._pause_s == 0.03
        assert reception.somebody.wait(5)
    assert listener._pause_s == PAUSE_MIN_S


def test_full_house_accepts_nobody_and_clients_wait_in_the_kernel(sock, serve):
    reception, door = Reception(), Door()
    door.full = True
    serve(reception, door).start()
    with connect(sock):
        gevent.sleep(3 * PAUSE_MIN_S)
        assert reception.came == []
        door.full = False
        assert reception.somebody.wait(5)


def test_tight_house_makes_room_for_each_that_comes(sock, serve):
    reception, door = Reception(), Door()
    door.tight = True
    serve(reception, door).start()
    with connect(sock), connect(sock):
        wait_until(lambda: len(reception.came) == 2, "both served", 5)
    assert door.asked_for_room == 2


def test_tight_house_without_anybody_to_send_away_pauses(sock, serve):
    reception, door = Reception(), Door()
    door.tight, door.room = True, False
    listener = serve(reception, door)
    listener.start()
    with connect(sock):
        assert reception.somebody.wait(5)
    assert listener._pause_s > PAUSE_MIN_S
