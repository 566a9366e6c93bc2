import contextlib
import hashlib
import random
import socket
import ssl
from types import SimpleNamespace

import gevent
import pytest
from gevent.event import AsyncResult
from structlog.testing import capture_logs

from cgappliance.net import relay as relay_module
from cgappliance.net.relay import READ_MIN_BYTES, TURN_BYTES, End, Relay, _Turn


class Relayed:
    """A relay between two far ends, and what it said at its end."""

    def __init__(self, tls_pair):
        near_client, self.client = tls_pair()
        near_upstream, self.upstream = tls_pair()
        self.ended = AsyncResult()
        self.relay = Relay(near_client, near_upstream, self.ended.set)
        self.near = (near_client, near_upstream)

    def start(self, **early):
        self.relay.start(**early)
        return self

    def summary(self):
        return self.ended.get(timeout=5)


@pytest.fixture
def relayed(tls_pair):
    relayed = Relayed(tls_pair)
    yield relayed
    relayed.relay.end(End.SHUTDOWN)


def receive(stream, size):
    data = b""
    with gevent.Timeout(10):
        while len(data) < size:
            part = stream.recv()
            if not part:
                break
            data += part
    return data


def half_close(stream):
    with contextlib.suppress(ssl.SSLWantReadError):
        stream.tls.unwrap()
    stream.flush()
    stream.sock.shutdown(socket.SHUT_WR)


def test_bytes_go_both_ways(relayed):
    relayed.start()
    relayed.client.sendall(b"a1 NOOP\r\n")
    assert receive(relayed.upstream, 9) == b"a1 NOOP\r\n"
    relayed.upstream.sendall(b"a1 OK done\r\n")
    assert receive(relayed.client, 12) == b"a1 OK done\r\n"
    assert relayed.relay.bytes_moved() == (9, 12)


def test_early_bytes_come_first_and_once(relayed):
    relayed.client.sendall(b"second")
    relayed.start(to_upstream=b"first ", to_client=b"hello")
    assert receive(relayed.upstream, 12) == b"first second"
    assert receive(relayed.client, 5) == b"hello"


def test_bytes_that_the_login_had_put_into_the_bio_are_relayed(relayed):
    relayed.client.sendall(b"x" * 100)
    relayed.near[0].fill()
    relayed.start()
    assert receive(relayed.upstream, 100) == b"x" * 100


def test_client_close_reaches_upstream_and_ends_the_relay(relayed):
    relayed.start()
    relayed.client.close()
    assert relayed.upstream.recv() == b""
    relayed.upstream.close()
    assert relayed.summary().end is End.CLOSED


def test_half_close_lets_the_other_side_finish(relayed):
    relayed.start()
    relayed.client.sendall(b"QUIT\r\n")
    half_close(relayed.client)
    assert receive(relayed.upstream, 6) == b"QUIT\r\n"
    assert relayed.upstream.recv() == b""
    relayed.upstream.sendall(b"+OK Farewell.\r\n")
    assert receive(relayed.client, 15) == b"+OK Farewell.\r\n"
    relayed.upstream.close()
    assert relayed.client.recv() == b""
    assert relayed.summary().end is End.CLOSED


def test_end_of_file_without_close_notify_is_an_end_of_file(relayed):
    relayed.start()
    relayed.client.close(goodbye=False)
    assert relayed.upstream.recv() == b""


def test_nothing_is_added_when_the_client_vanishes(relayed):
    relayed.start()
    relayed.client.sendall(b"STAT\r\n")
    relayed.client.close(goodbye=False)
    assert receive(relayed.upstream, 1000) == b"STAT\r\n"


def test_reset_of_a_peer_ends_the_relay_with_its_name(relayed):
    relayed.start()
    relayed.upstream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    relayed.upstream.close(goodbye=False)
    assert relayed.summary().end is End.UPSTREAM_LOST


def test_garbage_instead_of_tls_ends_this_relay_only(relayed, tls_pair):
    other = Relayed(tls_pair).start()
    relayed.start()
    relayed.client.sock.send(b"\x17\x03\x03\x00\x20" + b"z" * 32)
    assert relayed.summary().end is End.CLIENT_LOST
    other.client.sendall(b"still here")
    assert receive(other.upstream, 10) == b"still here"


def test_last_words_stand_on_a_line_of_their_own(relayed):
    relayed.start()
    relayed.upstream.sendall(b"* 1 EXISTS\r\n")
    assert receive(relayed.client, 12) == b"* 1 EXISTS\r\n"
    relayed.relay.end(End.KICKED, "test", b"* BYE gone\r\n")
    assert receive(relayed.client, 12) == b"* BYE gone\r\n"
    assert relayed.client.recv() == b""
    assert relayed.summary().end is End.KICKED


def test_last_words_are_left_out_in_the_middle_of_a_line(relayed):
    relayed.start()
    relayed.upstream.sendall(b"* 1 FETCH (BODY[] {10}\r\n12345")
    received = receive(relayed.client, 29)
    relayed.relay.end(End.KICKED, "test", b"* BYE gone\r\n")
    assert received + receive(relayed.client, 100) == b"* 1 FETCH (BODY[] {10}\r\n12345"


def test_a_peer_that_does_not_read_stops_the_other_side(relayed):
    relayed.start()
    sent = 0
    payload = bytes(TURN_BYTES)
    with gevent.Timeout(0.5, False):
        for _ in range(400):
            relayed.upstream.sendall(payload)
            sent += len(payload)
    assert sent < 64 * 1024 * 1024  # the kernel's buffers of two connections, not memory of ours
    held = relayed.relay._client.unsent
    assert held is not None
    assert len(held) <= TURN_BYTES + 100_000
    drained = receive(relayed.client, sent)
    assert len(drained) == sent


class Loop:
    """An event loop that turns when it is told."""

    def __init__(self):
        self.iteration = 0


@pytest.fixture
def loop(monkeypatch):
    loop = Loop()
    monkeypatch.setattr(relay_module, "get_hub", lambda: SimpleNamespace(loop=loop))
    return loop


def rooms(turn, loop, readers):
    """Return what each of so many sessions with much to relay may read, one after the other, in the next turn of the loop."""
    loop.iteration += 1
    found = []
    for _ in range(readers):
        found.append(len(turn.room))
        turn.note_large_read()
    return found


def test_who_is_alone_may_read_as_much_as_a_turn_takes(loop):
    turn = _Turn()
    assert [rooms(turn, loop, 1) for _ in range(3)] == [[TURN_BYTES]] * 3


@pytest.mark.parametrize("readers", [2, 4, 8, 16])
def test_turn_takes_no_longer_however_many_read(loop, readers):
    turn = _Turn()
    rooms(turn, loop, readers)
    assert sum(rooms(turn, loop, readers)) == TURN_BYTES


def test_those_that_come_at_once_share_already_in_their_first_turn(loop):
    turn = _Turn()
    rooms(turn, loop, 1)
    assert sum(rooms(turn, loop, 8)) < 4 * TURN_BYTES


def test_nobody_reads_less_than_the_least(loop):
    turn = _Turn()
    rooms(turn, loop, 100)
    assert set(rooms(turn, loop, 100)) == {READ_MIN_BYTES}


def test_who_remains_has_the_turn_for_itself_again(loop):
    turn = _Turn()
    rooms(turn, loop, 100)
    rooms(turn, loop, 1)
    assert [rooms(turn, loop, 1) for _ in range(2)][-1] == [TURN_BYTES]


def test_idle_time_is_counted_from_the_last_byte(relayed):
    relayed.start()
    relayed.client.sendall(b"x")
    receive(relayed.upstream, 1)
    assert relayed.relay.idle_s(relayed.relay.last_activity + 7.5) == 7.5


def test_a_bug_in_a_callback_ends_one_session_and_is_logged(relayed, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(relay_module.Relay, "_convert", broken)
    relayed.start()
    with capture_logs() as logs:
        relayed.client.sendall(b"x")
        assert relayed.summary().end is End.FAILED
    assert [line["event"] for line in logs] == ["relay.failed"]


class PlainSplice:
    """The oracle: what the relay does, in blocking style, one greenlet a direction; slow and obviously right."""

    def __init__(self, client, upstream):
        self.greenlets = [gevent.spawn(self.pump, client, upstream), gevent.spawn(self.pump, upstream, client)]

    @staticmethod
    def pump(source, target):
        while data := source.recv():
            target.sendall(data)
        half_close(target)


def random_dialogue(seed):
    """Return what each side sends: pieces of random size, with a pause of the reader now and then."""
    chance = random.Random(seed)
    sizes = [1, 2, 100, 1400, 4096, 16_384, 16_385, 70_000, 300_000, 1_000_000]
    return [[chance.randbytes(chance.choice(sizes)) for _ in range(chance.randint(1, 12))] for _ in range(2)]


def play(client, upstream, dialogue, seed):
    """Let both sides send all their pieces at once, reading with stalls; return the digests of what each received."""
    chance = random.Random(seed)

    def send(stream, pieces):
        for piece in pieces:
            stream.sendall(piece)
        half_close(stream)

    def read(stream, sink):
        while data := stream.recv():
            sink.update(data)
            if chance.random() < 0.02:
                gevent.sleep(0.001)

    sinks = hashlib.sha256(), hashlib.sha256()
    jobs = [gevent.spawn(send, client, dialogue[0]), gevent.spawn(send, upstream, dialogue[1])]
    jobs += [gevent.spawn(read, client, sinks[0]), gevent.spawn(read, upstream, sinks[1])]
    with gevent.Timeout(20):
        gevent.joinall(jobs, raise_error=True)
    return [sink.hexdigest() for sink in sinks]


@pytest.mark.parametrize("seed", range(12))
def test_relay_and_plain_splice_give_the_same_bytes(tls_pair, seed):
    dialogue = random_dialogue(seed)
    expected = [hashlib.sha256(b"".join(pieces)).hexdigest() for pieces in reversed(dialogue)]
    relayed = Relayed(tls_pair).start()
    assert play(relayed.client, relayed.upstream, dialogue, seed) == expected
    assert relayed.summary().end is End.CLOSED
    near_client, client = tls_pair()
    near_upstream, upstream = tls_pair()
    oracle = PlainSplice(near_client, near_upstream)
    assert play(client, upstream, dialogue, seed) == expected
    gevent.joinall(oracle.greenlets, timeout=5, raise_error=True)
