import gevent
import pytest

from cgappliance.errors import DeadlineExceeded
from cgappliance.net.deadline import deadline


def test_wait_that_ends_in_time_is_left_alone():
    with deadline(1.0, "greeting"):
        gevent.sleep(0)


def test_wait_that_takes_too_long_ends_with_words():
    with pytest.raises(DeadlineExceeded, match=r"greeting: no answer within 0\.01 s"), deadline(0.01, "greeting"):
        gevent.sleep(10)


def test_inner_deadline_does_not_end_the_outer_one():
    with deadline(5.0, "outer"):
        with pytest.raises(DeadlineExceeded, match="inner"), deadline(0.01, "inner"):
            gevent.sleep(10)
        gevent.sleep(0)


def test_zero_seconds_is_a_deadline_too():
    with pytest.raises(DeadlineExceeded), deadline(0.0, "nothing left"):
        gevent.sleep(10)


def test_block_inside_is_not_over_when_the_one_around_it_is():
    inner = deadline(5.0, "inner")
    with pytest.raises(DeadlineExceeded, match="outer"), deadline(0.01, "outer"), inner:
        gevent.sleep(10)
    assert not inner.is_over
