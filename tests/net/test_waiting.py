import gevent
import pytest

from cgappliance.errors import Dismissed
from cgappliance.net.waiting import Waiting


def test_waiting_room_that_was_closed_takes_nobody():
    waiting = Waiting()
    waiting.dismiss()
    with pytest.raises(Dismissed), waiting:
        pass


def test_client_that_left_an_older_room_is_not_dismissed_with_the_newest():
    """It is in the middle of a login by then: an exception out of nowhere would be its end."""
    rooms = [Waiting() for _ in range(3)]
    inside, leave, left = gevent.event.Event(), gevent.event.Event(), gevent.event.Event()

    def client():
        with rooms[0]:
            inside.set()
            leave.wait()
        left.set()
        gevent.sleep(0.05)
        return "logged in"

    job = gevent.spawn(client)
    inside.wait(5)
    rooms[1].adopt(rooms[0])
    rooms[2].adopt(rooms[1])
    leave.set()
    left.wait(5)
    rooms[2].dismiss()
    assert job.get(timeout=5) == "logged in"
