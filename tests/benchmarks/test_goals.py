import pytest

from benchmarks.harness.goals import GOALS, added_us, constant, goals_table, highest, times, verdict
from benchmarks.harness.results import Results, Sample


def results(**logins):
    return Results({}, [Sample(peer, "imap-login-16", 1, {"logins_per_cpu_s": value}) for peer, value in logins.items()])


def round_trips(**p50_us):
    return Results({}, [Sample(peer, "imap-noop-1", 1, {"p50_us": value}) for peer, value in p50_us.items()])


@pytest.mark.parametrize(("mine", "word"), [(149, "missed"), (150, "reached"), (199, "reached"), (200, "beyond")])
def test_verdict_where_more_is_better(mine, word):
    assert verdict(GOALS[0], mine, 150, 200) == word


def test_verdict_where_less_is_better():
    memory = next(goal for goal in GOALS if "PSS" in goal.work)

    assert [verdict(memory, mine, 45, 37) for mine in (46, 45, 37)] == ["missed", "reached", "beyond"]


def test_no_verdict_without_the_peer():
    assert verdict(GOALS[0], 1000, None, None) == "no peer to compare with"


def test_a_goal_follows_the_peers_of_the_same_run():
    table = goals_table(results(**{"appliance": 700, "dovecot-cached": 400, "haproxy": 900}))

    assert "| 700 | 600 | 900 | reached |" in table


def test_added_round_trip_is_what_the_peer_adds_to_none():
    assert added_us("haproxy")(round_trips(direct=30, haproxy=73)) == 43


def test_no_goals_without_the_appliance():
    assert goals_table(results(haproxy=900)) == ""


def test_highest_leaves_out_what_was_not_measured():
    assert highest(times(2, constant(3)), added_us("nobody"))(Results({})) == 6
