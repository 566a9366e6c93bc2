import os
import socket
import tempfile

import gevent
import pytest

from cgappliance.server.channel import FDS_PER_MESSAGE, MAX_MESSAGE_BYTES, Channel


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    channels = Channel(one), Channel(other)
    yield channels
    for channel in channels:
        channel.close()


def test_message_arrives_as_it_was_sent(ends):
    ends[0].send({"event": "alive", "sessions": 3, "text": "日本語"})
    assert ends[1].receive() == ({"event": "alive", "sessions": 3, "text": "日本語"}, [])


def test_messages_keep_their_order_whoever_sends_them(ends):
    def send(sender):
        for number in range(20):
            ends[0].send({"from": sender, "number": number, "filler": "x" * 50_000})

    senders = [gevent.spawn(send, sender) for sender in range(3)]
    received = [ends[1].receive()[0] for _ in range(60)]
    gevent.joinall(senders, timeout=5)
    for sender in range(3):
        assert [message["number"] for message in received if message["from"] == sender] == list(range(20))


def test_descriptors_come_with_their_message(ends):
    with tempfile.TemporaryFile() as file:
        file.write(b"content")
        file.flush()
        ends[0].send({"command": "reload"}, [file.fileno()])
        message, [received] = ends[1].receive()
    assert message == {"command": "reload"}
    assert os.pread(received, 100, 0) == b"content"
    os.close(received)


def test_more_descriptors_than_one_message_can_carry_come_all(ends):
    read, write = os.pipe()
    wanted = 2 * FDS_PER_MESSAGE + 1
    job = gevent.spawn(ends[0].send, {"command": "reload"}, [write] * wanted)
    message, received = ends[1].receive()
    job.join(5)
    assert (message["command"], len(received)) == ("reload", wanted)
    for fd in (read, write, *received):
        os.close(fd)


def test_message_in_pieces_is_put_together(ends):
    raw = b'{"event":"ready"}'
    whole = len(raw).to_bytes(4, "big") + raw
    job = gevent.spawn(ends[1].receive)
    for number in range(len(whole)):
        ends[0].sock.sendall(whole[number : number + 1])
        gevent.sleep(0)
    assert job.get(timeout=5) == ({"event": "ready"}, [])


def test_end_that_closes_is_none(ends):
    ends[0].close()
    assert ends[1].receive() is None


def test_end_that_closes_in_the_middle_of_a_message_is_none(ends):
    ends[0].sock.sendall((100).to_bytes(4, "big") + b"half")
    ends[0].close()
    assert ends[1].receive() is None


def test_length_that_is_no_length_of_ours_is_refused(ends):
    ends[0].sock.sendall((MAX_MESSAGE_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(ValueError, match="is not one of ours"):
        ends[1].receive()


def test_text_that_is_no_message_is_refused(ends):
    ends[0].sock.sendall((4).to_bytes(4, "big") + b"GET ")
    with pytest.raises(ValueError, match="Expecting value"):
        ends[1].receive()


def test_sending_to_an_end_that_is_gone_is_an_error(ends):
    ends[1].close()
    with pytest.raises(OSError, match="Broken pipe"):
        ends[0].send({"event": "alive"})


def test_other_end_that_dies_before_it_has_read_all_is_an_end_like_any_other(ends):
    here, there = ends
    here.send({"event": "alive"})
    there.close()
    assert here.receive() is None
