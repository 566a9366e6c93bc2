import io
import sys

import gevent
import pytest
from gevent.event import Event

from cgappliance import greenlets, log


@pytest.fixture(autouse=True)
def no_others():
    greenlets.forked()
    yield
    greenlets.forked()


def test_spawn_gives_the_result():
    assert greenlets.spawn("adder", lambda one, other: one + other, 1, 2).get(timeout=5) == 3


def test_death_is_logged_with_the_name():
    stream = io.StringIO()
    log.configure(stream=stream)
    greenlets.spawn("divider", lambda: 1 / 0).join(5)
    log.configure(stream=sys.__stderr__)
    line = stream.getvalue()
    assert "level=error event=greenlet.died" in line
    assert "greenlet=divider" in line
    assert "ZeroDivisionError" in line


def test_alive_counts_by_name_and_forgets_the_dead():
    go_on = Event()
    jobs = [greenlets.spawn("waiter", go_on.wait), greenlets.spawn("waiter", go_on.wait)]
    gevent.sleep(0)
    assert greenlets.alive() == {"waiter": 2}
    go_on.set()
    gevent.joinall(jobs, timeout=5)
    assert greenlets.alive() == {}


def test_greenlet_that_is_killed_is_not_counted_any_more():
    job = greenlets.spawn("sleeper", gevent.sleep, 60)
    gevent.sleep(0)
    job.kill()
    assert greenlets.alive() == {}


def test_child_process_does_not_count_its_parents_greenlets():
    job = greenlets.spawn("of the parent", gevent.sleep, 60)
    gevent.sleep(0)
    greenlets.forked()
    assert greenlets.alive() == {}
    job.kill()


def test_nobody_notes_who_spawned_a_greenlet():
    assert greenlets.spawn("orphan", int).spawning_greenlet is None
