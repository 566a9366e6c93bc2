from xml.etree import ElementTree as ET

import pytest

from benchmarks.harness.plot import svg
from benchmarks.harness.results import Gap, Results, Sample
from benchmarks.harness.table import markdown

ABOUT = {
    "date": "2026-11-24",
    "scale": "full",
    "runs": 2,
    "meter": "control group v1",
    "machine": {"cpu": "2 x test", "memory": "1 GiB", "system": "Debian", "kernel": "6"},
    "versions": {"Python": "3.11"},
    "idle_sessions": (2000, 5000),
}


@pytest.fixture
def results():
    def sample(peer, run, value):
        return Sample(
            peer,
            "download-1",
            run,
            {"gb_per_cpu_s": value},
            {"proxy_core": 0.5, "loadgen_core": 0.2, "upstream_core": 0.3, "foreign_core": 0.0},
        )

    return Results(dict(ABOUT), [sample("haproxy", 1, 0.7), sample("haproxy", 2, 0.72), sample("a<b", 1, 0.1)])


def test_table_shows_median_minimum_and_maximum(results):
    assert "| haproxy | 0.710 (0.700-0.720) |" in markdown(results)


def test_table_has_only_columns_with_figures(results):
    assert "upload" not in markdown(results)


def test_table_shows_how_busy_the_load_side_was(results):
    assert "| download-1 | haproxy | 50 | 20 | 30 | 0 |" in markdown(results)


def test_table_says_what_is_missing_and_why(results):
    results.gaps.append(Gap("nginx", "imap-idle", "no reason", failed=True))

    assert "- nginx, imap-idle: FAILED: no reason" in markdown(results)


def test_a_smoke_test_says_that_it_is_none(results):
    results.about["scale"] = "quick"

    assert "figures mean nothing" in markdown(results)


def test_a_run_that_was_cut_short_says_so(results):
    results.about["cut_short"] = "the time was over before run 2"

    assert "**Cut short: the time was over before run 2.**" in markdown(results)


def test_plot_is_well_formed_whatever_the_names(results):
    texts = [element.text for element in ET.fromstring(svg(results)).iter("{http://www.w3.org/2000/svg}text")]

    assert {"haproxy", "a<b", "0.71"} <= set(texts)
