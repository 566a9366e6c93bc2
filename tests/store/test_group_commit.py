from __future__ import annotations

from collections.abc import Iterator, Sequence

import gevent
import pytest
from gevent.event import Event

from cgappliance.store import group_commit
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.group_commit import LINGER_S, GroupCommit


class Disk:
    """Doubles numbers, slowly, once ``open`` is set; a negative number cannot be written."""

    def __init__(self) -> None:
        self.open = Event()
        self.open.set()
        self.full = False
        self.batches: list[list[int]] = []

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.open.wait()
        if self.full:
            raise StoreUnavailable("full")
        if any(number < 0 for number in batch):
            raise ValueError("negative")
        self.batches.append(list(batch))
        return [number * 2 for number in batch]

    @property
    def written(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def queue(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupCommit[int, int]]:
    monkeypatch.setattr(group_commit, "RETRY_FIRST_S", 0.001)
    queue: GroupCommit[int, int] = GroupCommit("test", disk, posted_max=5)
    queue.start()
    yield queue
    disk.open.set()
    queue.stop(1)


def asked(queue: GroupCommit[int, int], *numbers: int) -> list[gevent.Greenlet]:
    greenlets = [gevent.spawn(queue.ask, number, 5.0) for number in numbers]
    gevent.sleep(0)
    gevent.sleep(0)
    return greenlets


def test_each_gets_its_own_result(queue: GroupCommit[int, int]) -> None:
    assert [greenlet.get(timeout=5) for greenlet in asked(queue, 1, 2, 3)] == [2, 4, 6]


def test_what_is_asked_during_a_commit_shares_the_next_one(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    first = asked(queue, 1)
    rest = asked(queue, 2, 3, 4)
    disk.open.set()
    gevent.joinall([*first, *rest], timeout=5, raise_error=True)
    assert disk.batches == [[1], [2, 3, 4]]


def test_a_batch_has_a_limit(disk: Disk, queue: GroupCommit[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "BATCH_MAX", 2)
    disk.open.clear()
    waiting = [*asked(queue, 0), *asked(queue, 1, 2, 3)]
    disk.open.set()
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert max(map(len, disk.batches)) == 2


def test_a_posted_request_is_written_behind_those_that_are_waited_for(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    first = asked(queue, 1)
    assert queue.post(7)
    rest = asked(queue, 2)
    disk.open.set()
    gevent.joinall([*first, *rest], timeout=5, raise_error=True)
    queue.stop(1)
    assert disk.batches[1] == [2, 7]


def test_a_full_queue_drops_what_is_posted_and_counts_it(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    asked(queue, 0)
    assert [queue.post(number) for number in range(7)] == [True] * 5 + [False] * 2
    assert queue.dropped == 2


def test_an_outage_fails_those_who_wait_and_keeps_the_others(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.full = True
    queue.post(7)
    with pytest.raises(StoreUnavailable, match="full"):
        queue.ask(1, 5.0)
    disk.full = False
    queue.stop(5)
    assert disk.written == [7]


def test_one_that_cannot_be_written_does_not_take_the_others_with_it(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    waiting = [*asked(queue, 0), *asked(queue, 1, -1, 2)]
    queue.post(-7)
    queue.post(7)
    disk.open.set()
    gevent.joinall(waiting, timeout=5)
    queue.stop(1)
    assert [greenlet.value for greenlet in waiting] == [0, 2, None, 4]
    assert isinstance(waiting[2].exception, ValueError)
    assert (sorted(disk.written), queue.dropped) == ([0, 1, 2, 7], 1)


def test_the_disk_that_is_too_slow_is_an_outage_and_the_request_is_taken_back(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    asked(queue, 0)
    with pytest.raises(StoreUnavailable, match=r"not written within 0\.01 s"):
        queue.ask(1, 0.01)
    disk.open.set()
    queue.stop(1)
    assert disk.written == [0]


def test_stop_writes_what_is_queued(queue: GroupCommit[int, int], disk: Disk) -> None:
    queue.post(1)
    queue.stop(5)
    assert disk.written == [1]


def test_stop_does_not_wait_for_ever_and_counts_what_is_lost(queue: GroupCommit[int, int], disk: Disk) -> None:
    disk.open.clear()
    waiting = asked(queue, 0)
    queue.post(1)
    queue.stop(0.01)
    assert queue.dropped == 1
    waiting[0].join(timeout=5)
    assert isinstance(waiting[0].exception, StoreUnavailable)


def test_after_stop_nothing_is_taken(queue: GroupCommit[int, int]) -> None:
    queue.stop(1)
    assert not queue.post(1)
    with pytest.raises(StoreUnavailable, match="ending"):
        queue.ask(1, 1.0)


def test_a_request_that_nobody_waits_for_goes_along_with_one_that_somebody_does() -> None:
    batches: list[list[str]] = []
    queue: GroupCommit[str, None] = GroupCommit("test", lambda batch: batches.append(list(batch)) or [None] * len(batch))
    queue.start()
    queue.post("posted")
    queue.ask("asked", 5)
    queue.stop(5)
    assert batches == [["asked", "posted"]]


def test_a_request_that_nobody_waits_for_is_written_after_a_moment() -> None:
    written = Event()
    queue: GroupCommit[str, None] = GroupCommit("test", lambda batch: written.set() or [None] * len(batch))
    queue.start()
    queue.post("posted")
    assert written.wait(LINGER_S * 20)
    queue.stop(5)
