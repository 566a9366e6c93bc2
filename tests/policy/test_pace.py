from cgappliance.policy.pace import WINDOW_S, RefusalPace


def test_quick_directory_leaves_the_base_delay():
    pace = RefusalPace(2.0)
    pace.observe(0.3, clock_s=100.0)
    assert pace.delay_s(clock_s=100.0) == 2.0


def test_slow_directory_slows_every_refusal_to_whole_seconds():
    pace = RefusalPace(2.0)
    pace.observe(3.2, clock_s=100.0)
    assert pace.delay_s(clock_s=100.0) == 4.0


def test_slowest_answer_counts():
    pace = RefusalPace(2.0)
    for seconds in (0.1, 6.5, 0.2):
        pace.observe(seconds, clock_s=100.0)
    assert pace.delay_s(clock_s=100.0) == 7.0


def test_slow_answer_counts_for_one_to_two_windows():
    pace = RefusalPace(2.0)
    pace.observe(5.0, clock_s=100.0)
    assert pace.delay_s(clock_s=100.0 + WINDOW_S) == 5.0
    assert pace.delay_s(clock_s=100.0 + 2 * WINDOW_S - 0.001) == 5.0
    assert pace.delay_s(clock_s=100.0 + 2 * WINDOW_S) == 2.0


def test_slow_answer_of_long_ago_is_forgotten_at_once():
    pace = RefusalPace(2.0)
    pace.observe(5.0, clock_s=100.0)
    assert pace.delay_s(clock_s=100.0 + 10 * WINDOW_S) == 2.0


def test_no_base_delay_still_hides_the_directory():
    pace = RefusalPace(0.0)
    pace.observe(0.05, clock_s=0.0)
    assert pace.delay_s(clock_s=0.0) == 1.0
