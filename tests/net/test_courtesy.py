"""Which worker should have the client that waits."""

import itertools

import pytest

from cgappliance.net import lobby, places
from cgappliance.net.counts import SharedCounts
from cgappliance.net.courtesy import LEAD, SESSIONS_MOST, UNASKED, Courtesy


class Workers:
    """Workers that have as many logins under way, and as many sessions, as told."""

    def __init__(self, *loads):
        self.shared = SharedCounts(len(loads))
        self.counts = [self.shared.part(number) for number in range(len(loads))]
        for number, (visitors, sessions) in enumerate(loads):
            self.add(number, visitors, sessions)

    def add(self, number, visitors, sessions=0):
        for key, count in ((lobby.ALL, visitors), (places.ALL, sessions)):
            for _ in range(count):
                self.counts[number].add(key)

    def first(self):
        return Courtesy(self.counts[0])


def test_one_that_is_alone_gives_way_to_nobody():
    assert not Workers((50, 1000)).first().gives_way()


def test_worker_with_more_logins_under_way_gives_way():
    assert Workers((2 + LEAD, 0), (1, 0)).first().gives_way()


def test_worker_with_no_more_than_the_others_does_not():
    assert not Workers((1 + LEAD, 0), (1, 0)).first().gives_way()


def test_worker_with_more_sessions_gives_way_to_one_that_has_as_many_logins_under_way():
    assert Workers((1, 1 + LEAD), (1, 0)).first().gives_way()


def test_worker_that_was_just_started_gets_the_clients_that_come_singly():
    workers = Workers((0, 1000), (0, 0))
    assert workers.first().gives_way()
    assert not Courtesy(workers.counts[1]).gives_way()


def test_worker_that_was_just_started_gets_little_more_of_a_storm_than_the_others():
    workers = Workers((0, 1000), (SESSIONS_MOST, 0))
    assert not workers.first().gives_way()
    assert not Courtesy(workers.counts[1]).gives_way()


@pytest.mark.parametrize("theirs", list(itertools.product(range(4), repeat=2)))
def test_never_do_two_give_way_to_each_other(theirs):
    for mine in itertools.product(range(4), repeat=2):
        workers = Workers(mine, theirs)
        assert not all(Courtesy(counts).gives_way() for counts in workers.counts)


def test_each_of_the_others_is_asked_in_turn():
    courtesy = Workers((9, 0), (9, 0), (0, 0), (9, 0)).first()
    assert [courtesy.gives_way() for _ in range(6)] == [False, True, False] * 2


def test_clients_after_one_that_nobody_else_took_are_taken_without_asking():
    courtesy = Workers((9, 0), (0, 0)).first()
    assert courtesy.gives_way()
    courtesy.gave_way(in_vain=True)
    assert [courtesy.gives_way() for _ in range(UNASKED + 1)] == [False] * UNASKED + [True]


def test_worker_that_took_another_one_meanwhile_is_given_way_to_again():
    workers = Workers((9, 0), (0, 0))
    courtesy = workers.first()
    assert courtesy.gives_way()
    workers.add(1, visitors=1)
    courtesy.gave_way(in_vain=True)
    assert courtesy.gives_way()


def test_giving_way_that_helped_is_repeated():
    courtesy = Workers((9, 0), (0, 0)).first()
    assert courtesy.gives_way()
    courtesy.gave_way(in_vain=False)
    assert courtesy.gives_way()
