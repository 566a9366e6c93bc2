from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import gevent
import pytest
from gevent.event import Event

from cgappliance.errors import CgapplianceError
from cgappliance.store.errors import LimitReached, RecordConflict
from cgappliance.web import tasks
from cgappliance.web.tasks import KEPT, RUNNING_MAX, Progress, Task, Tasks

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


class Room:
    """Tasks with a clock, and work that goes on until it is let go."""

    def __init__(self) -> None:
        self.now = NOW
        self.tasks = Tasks(lambda: self.now)
        self.go = Event()

    def wait(self, progress: Progress) -> str:
        progress("waiting", 7)
        self.go.wait(5)
        return "done"


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.tasks.keep({})


def ended(task: Task) -> Task:
    assert task.greenlet is not None
    task.greenlet.join(5)
    return task


def test_a_task_tells_how_far_it_is_and_then_its_result(room: Room) -> None:
    task = room.tasks.start("acme", "hana", room.wait)
    gevent.sleep(0)
    assert (task.running, task.stage, task.count, task.result) == (True, "waiting", 7, None)
    room.go.set()
    assert (ended(task).running, task.result, task.by) == (False, "done", "hana")
    assert room.tasks.of("acme") is task


def test_a_tenant_has_one_at_a_time_and_another_tenant_its_own(room: Room) -> None:
    room.tasks.start("acme", "hana", room.wait)
    with pytest.raises(RecordConflict, match="hana has started it"):
        room.tasks.start("acme", "jiro", room.wait)
    room.tasks.start("globex", "gina", room.wait)
    assert room.tasks.of("initech") is None


def test_a_new_one_takes_the_place_of_one_that_has_ended(room: Room) -> None:
    room.go.set()
    ended(room.tasks.start("acme", "hana", room.wait))
    assert room.tasks.start("acme", "jiro", room.wait).by == "jiro"


def test_there_are_not_too_many_at_once(room: Room) -> None:
    for number in range(RUNNING_MAX):
        room.tasks.start(f"tenant{number}", "hana", room.wait)
    with pytest.raises(LimitReached):
        room.tasks.start("acme", "hana", room.wait)


def test_what_it_fails_of_is_kept(room: Room) -> None:
    def fail(_progress: Progress) -> None:
        raise CgapplianceError("the directory is down")

    task = ended(room.tasks.start("acme", "hana", fail))
    assert (task.running, str(task.problem)) == (False, "the directory is down")


def test_a_mistake_of_the_program_ends_it_and_says_no_more_than_that(room: Room) -> None:
    task = ended(room.tasks.start("acme", "hana", lambda _progress: 1 / 0))
    assert not task.running
    assert "division" not in str(task.problem)


def test_it_ends_when_it_takes_too_long(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "RUN_MAX_S", 0.01)
    task = ended(room.tasks.start("acme", "hana", room.wait))
    assert "was ended after" in str(task.problem)


def test_what_came_of_it_is_forgotten_after_a_while(room: Room) -> None:
    room.go.set()
    ended(room.tasks.start("acme", "hana", room.wait))
    room.now += KEPT
    assert room.tasks.of("acme") is not None
    room.now += KEPT / 1000
    assert room.tasks.of("acme") is None


def test_what_came_of_it_is_kept_of_so_many_tenants_and_no_more(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "KEPT_MAX", 2)
    room.go.set()
    for name in ("acme", "globex", "initech"):
        room.now += KEPT / 100
        ended(room.tasks.start(name, "hana", room.wait))
    assert [name for name in ("acme", "globex", "initech") if room.tasks.of(name)] == ["globex", "initech"]


def test_a_tenant_that_is_gone_has_no_task_any_more(room: Room) -> None:
    task = room.tasks.start("acme", "hana", room.wait)
    gevent.sleep(0)
    room.tasks.keep({"globex": object()})
    assert room.tasks.of("acme") is None
    assert not ended(task).running
