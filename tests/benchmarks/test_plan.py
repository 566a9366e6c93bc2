import pytest

from benchmarks.harness.catalogue import PEERS, STUDIES, WORKLOADS
from benchmarks.harness.plan import chosen, everything, parse


def plan(*arguments):
    return chosen(parse([*arguments, "--out", "/nowhere", "--programs", "/nowhere"]))


def names(items):
    return [item.name for item in items]


def test_without_a_choice_everything_is_run():
    every = plan()

    assert (every.peers, every.workloads, every.studies) == (PEERS, WORKLOADS, STUDIES)


def test_a_workload_and_a_peer_are_run_together_and_no_study():
    some = plan("--only", "imap-login-16,haproxy")

    assert (names(some.workloads), names(some.peers), some.studies) == (["imap-login-16"], ["haproxy"], ())


def test_a_peer_alone_gets_all_workloads():
    assert plan("--only", "haproxy").workloads == WORKLOADS


def test_a_study_alone_runs_no_peer():
    some = plan("--only", "latency")

    assert (names(some.studies), some.peers) == (["latency"], ())


def test_wildcards_choose_several():
    assert names(plan("--only", "imap-noop*,direct").workloads) == [
        name for name in names(WORKLOADS) if name.startswith("imap-noop")
    ]


def test_an_unknown_name_is_told():
    with pytest.raises(SystemExit, match="hapoxy"):
        plan("--only", "hapoxy")


def test_runs_overrides_the_scale():
    assert plan("--quick", "--runs", "7").scale.runs == 7


def test_the_quick_benchmark_leaves_work_out_unless_it_is_named():
    assert "download-1" not in names(plan("--quick").workloads)
    assert names(plan("--quick", "--only", "download-1").workloads) == ["download-1"]


def test_no_name_is_used_twice():
    assert len({name for name, _ in everything()}) == len(everything())
