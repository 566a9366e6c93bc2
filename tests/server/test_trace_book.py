import pytest

from cgappliance.net.tracing import TRACES_MAX
from cgappliance.server.trace_book import TRACE_MAX_MINUTES, TraceBook


def test_traces_are_known_with_the_time_that_they_have_left():
    book = TraceBook()
    book.set("yuki@acme.example", 2)
    (left,) = book.seconds_left().values()
    assert 110 < left <= 120


def test_no_minutes_end_a_trace():
    book = TraceBook()
    book.set("yuki@acme.example", 2)
    book.set("yuki@acme.example", 0)
    assert book.seconds_left() == {}


@pytest.mark.parametrize("minutes", [-1, TRACE_MAX_MINUTES + 1])
def test_too_long_a_trace_is_refused(minutes: float):
    with pytest.raises(ValueError, match=f"0 to {TRACE_MAX_MINUTES}"):
        TraceBook().set("yuki@acme.example", minutes)


def test_too_many_traces_are_refused_and_named():
    book = TraceBook()
    for number in range(TRACES_MAX):
        book.set(f"u{number}@acme.example", 1)
    with pytest.raises(ValueError, match="u0@acme"):
        book.set("another@acme.example", 1)
    book.set("u0@acme.example", 1)  # it is on already
