import socket
import time

import gevent
import pytest

from cgappliance.server.channel import Channel
from cgappliance.server.process import Process
from cgappliance.server.site import SITE


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    yield near, far
    near.close()
    far.close()


@pytest.fixture
def process(ends):
    return Process(3, 1234, "life", Channel(ends[0]), time.monotonic(), time.monotonic())


def test_answer_comes_to_whoever_asked(process, ends):
    first, second = gevent.spawn(process.ask, "log"), gevent.spawn(process.ask, "kick", where={})
    other = Channel(ends[1])
    questions = [other.receive()[0] for _ in range(2)]
    assert questions[1] == {"command": "kick", "id": questions[1]["id"], "where": {}}
    for question in reversed(questions):
        process.answered({"id": question["id"], "result": question["command"]})
    assert (first.get(), second.get()) == ("log", "kick")


def test_what_it_could_not_do_is_raised(process):
    job = gevent.spawn(process.ask, "log")
    gevent.sleep(0)
    process.answered({"id": 0, "error": "ValueError: no"})
    with pytest.raises(ChildProcessError, match="ValueError: no"):
        job.get()


def test_silence_is_a_timeout_and_a_late_answer_is_nobodys(process):
    with pytest.raises(TimeoutError, match="worker 3 does not answer"):
        process.ask("log", timeout_s=0.01)
    process.answered({"id": 0, "result": None})


def test_those_who_wait_hear_of_its_end(process):
    job = gevent.spawn(process.ask, "log")
    gevent.sleep(0)
    process.has_ended()
    with pytest.raises(ConnectionResetError, match="worker 3 has died"):
        job.get()


def test_it_serves_between_ready_and_exit(process):
    seen = [process.is_serving]
    process.ready.set()
    seen.append(process.is_serving)
    process.has_ended()
    assert [*seen, process.is_serving] == [False, True, False]


def test_site_is_told_apart(process):
    assert not process.is_site
    process.number = SITE
    assert process.is_site
