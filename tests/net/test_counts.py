"""Counts that several processes share."""

import os

import pytest

from cgappliance.net.counts import SharedCounts


def test_each_worker_sees_what_all_have_counted():
    shared = SharedCounts(3)
    first, third = shared.part(0), shared.part(2)
    assert first.add("account a") == 1
    assert third.add("account a") == 2
    assert first.total("account a") == third.total("account a") == 2
    assert first.total("account b") == 0


def test_what_was_added_can_be_taken_back():
    counts = SharedCounts(1).part(0)
    for _ in range(3):
        counts.add("x")
    for _ in range(3):
        counts.remove("x")
    assert counts.total("x") == 0


def test_a_part_knows_its_own_workers_counts_and_shows_those_of_each_other():
    shared = SharedCounts(3)
    for number in range(3):
        for _ in range(number + 1):
            shared.part(number).add("x")
    part = shared.part(1)
    assert part.own("x") == 2
    assert [other.own("x") for other in part.others()] == [1, 3]


def test_one_worker_has_no_others():
    assert SharedCounts(1).part(0).others() == []


def test_clearing_a_dead_workers_part_leaves_the_others():
    shared = SharedCounts(2)
    shared.part(0).add("x")
    shared.part(1).add("x")
    shared.clear(0)
    assert shared.part(1).total("x") == 1


def test_a_forked_process_counts_into_the_same_memory():
    shared = SharedCounts(2)
    pid = os.fork()
    if pid == 0:
        shared.part(1).add("x")
        os._exit(0)
    os.waitpid(pid, 0)
    assert shared.part(0).add("x") == 2


def test_counts_are_never_too_low_and_rarely_too_high():
    counts = SharedCounts(1).part(0)
    keys = [f"account {number}" for number in range(20_000)]
    for key in keys:
        counts.add(key)
    found = [counts.total(key) for key in keys]
    assert min(found) == 1
    assert sum(total > 1 for total in found) < len(keys) / 20
    assert max(found) <= 4


@pytest.mark.parametrize("key", ["", "\udcff", "名前@acme.example", "x" * 10_000])
def test_any_text_is_a_key(key):
    counts = SharedCounts(1).part(0)
    assert counts.add(key) == 1
