from benchmarks.harness.results import Gap, Results, Sample


def results(*samples):
    return Results({}, list(samples))


def sample(value, run=1, disturbed=()):
    return Sample("haproxy", "download-1", run, {"gb_per_cpu_s": value}, disturbed=disturbed)


def test_summary_is_median_minimum_and_maximum_of_the_runs():
    summary = results(sample(1.0), sample(3.0, 2), sample(2.5, 3)).summary("haproxy", "download-1", "gb_per_cpu_s")

    assert (summary.median, summary.minimum, summary.maximum, summary.runs) == (2.5, 1.0, 3.0, 3)


def test_disturbed_runs_are_left_out_while_a_quiet_one_remains():
    summary = results(sample(1.0), sample(0.1, 2, ("others",))).summary("haproxy", "download-1", "gb_per_cpu_s")

    assert (summary.median, summary.all_disturbed) == (1.0, False)


def test_a_figure_of_disturbed_runs_alone_is_marked():
    assert results(sample(0.1, 1, ("others",))).summary("haproxy", "download-1", "gb_per_cpu_s").all_disturbed


def test_what_was_not_measured_has_no_summary():
    assert results(sample(1.0)).summary("haproxy", "upload-1", "gb_per_cpu_s") is None


def test_results_survive_their_file(tmp_path):
    before = Results({"date": "today"}, [sample(1.0, 1, ("others",))], [Gap("nginx", "imap-idle", "why", failed=True)])
    before.write(tmp_path / "results.json")

    assert Results.read(tmp_path / "results.json") == before
