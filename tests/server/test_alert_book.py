"""Which alerts go out, when, and how many."""

import pytest

from cgappliance.server.alert_book import HOUR_S, AlertBook, Key, Notice, Problem, Rules

DIRECTORY = Key("directory", "acme")
DOWN = "the directory does not answer"


@pytest.fixture
def book():
    return AlertBook(Rules(after_s=60, repeat_s=1800, max_per_hour=5))


def down(since=0.0, **more):
    return {DIRECTORY: Problem(DOWN, since, **more)}


def test_what_lasts_is_told_once_and_then_now_and_then(book):
    assert book.due(down(), 59) == []
    assert book.due(down(), 60) == [Notice(DIRECTORY, DOWN)]
    assert book.due(down(), 61) == []
    assert book.due(down(), 60 + 1800) == [Notice(DIRECTORY, DOWN)]


def test_what_is_over_is_told_if_it_was_told(book):
    book.due(down(), 60)
    assert book.due({}, 70) == [Notice(DIRECTORY, DOWN, over=True)]
    assert book.due({}, 80) == []


def test_a_moment_is_nobodys_business(book):
    assert book.due(down(), 10) == []
    assert book.due({}, 20) == []
    assert book.due(down(since=30.0), 80) == []


def test_what_cannot_be_a_moment_is_told_at_once(book):
    assert book.due(down(at_once=True), 0) == [Notice(DIRECTORY, DOWN)]


def test_an_event_is_told_at_once_and_not_again_for_a_while(book):
    locked = Key("locked", "acme", "yuki")
    book.event(locked, "locked")
    book.event(locked, "locked")
    assert book.due({}, 0) == [Notice(locked, "locked")]
    book.event(locked, "locked")
    assert book.due({}, 100) == []
    book.event(locked, "locked")
    assert book.due({}, 1800) == [Notice(locked, "locked")]


def test_there_are_never_more_than_so_many_an_hour(book):
    for number in range(20):
        book.event(Key("locked", "acme", f"account {number}"), "locked")
    assert len(book.due({}, 0)) == 5
    assert book.held_back == 15
    book.event(Key("locked", "acme", "one more"), "locked")
    assert book.due({}, HOUR_S - 1) == []
    book.event(Key("locked", "acme", "and one"), "locked")
    assert len(book.due({}, HOUR_S)) == 1


def test_a_problem_that_was_held_back_is_told_when_there_is_room(book):
    for number in range(5):
        book.event(Key("locked", "acme", f"account {number}"), "locked")
    book.due({}, 0)
    assert book.due(down(), 60) == []
    assert book.due(down(), HOUR_S) == [Notice(DIRECTORY, DOWN)]


def test_the_end_of_what_was_never_told_is_not_told(book):
    for number in range(5):
        book.event(Key("locked", "acme", f"account {number}"), "locked")
    book.due({}, 0)
    book.due(down(), 60)
    assert book.due({}, HOUR_S) == []


def test_a_problem_may_have_a_patience_of_its_own(book):
    book.due(down(at_once=True, repeat_s=86_400), 0)
    assert book.due(down(at_once=True, repeat_s=86_400), 86_399) == []
    assert book.due(down(at_once=True, repeat_s=86_400), 86_400) == [Notice(DIRECTORY, DOWN)]
