"""Dashboard and alert rules name metrics that there are, with labels that they have; Prometheus' own tool checks the rest."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from cgappliance import metrics
from cgappliance.server.exposition import Exposition, Totals

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RULES = ROOT / "packaging/prometheus/cgappliance.rules.yml"
DASHBOARD = ROOT / "packaging/grafana/cgappliance.json"

#: Labels that Prometheus itself adds.
ADDED = {"instance", "job", "le"}
LABELS = {about.name: set(about.labels) | ADDED for about in metrics.descriptions()}
LABELS |= {f"{about.name}{end}": LABELS[about.name] for about in metrics.descriptions() for end in ("_bucket", "_sum", "_count")}
HISTOGRAMS = {about.name for about in metrics.descriptions() if about.kind == "histogram"}

#: Days are no base unit of Prometheus, and what everybody counts a certificate's life in.
DAYS = "cgappliance_certificate_days_left use base unit"

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool not installed (apt install prometheus)")


def expressions(value: object) -> Iterator[str]:
    """Yield every query of the dashboard."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("expr", "query") and isinstance(inner, str):
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def of_rules() -> list[str]:
    """Return the text of the rules, without its comments."""
    return [line for line in RULES.read_text().splitlines() if "cgappliance_" in line]


DASHBOARD_QUERIES = list(expressions(json.loads(DASHBOARD.read_text())))
SELECTOR = re.compile(r"(cgappliance_[a-z_]+)(?:\{([^}]*)\})?")


def mistakes(text: str) -> list[str]:
    """Return what a query names that there is not."""
    found = []
    for name, conditions in SELECTOR.findall(text):
        if name not in LABELS or name in HISTOGRAMS:
            found.append(name)
            continue
        used = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", conditions))
        found += [f"{name}{{{label}}}" for label in used - LABELS[name]]
    known = set().union(*(LABELS.get(name, set()) for name, _ in SELECTOR.findall(text)))
    for labels in re.findall(r"\bby \(([^)]*)\)", text):
        found += [f"by ({label})" for label in {label.strip() for label in labels.split(",")} - known]
    return found


@pytest.mark.parametrize("text", DASHBOARD_QUERIES)
def test_dashboard_shows_what_there_is(text: str):
    assert mistakes(text) == []


@pytest.mark.parametrize("text", of_rules())
def test_rules_watch_what_there_is(text: str):
    assert mistakes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "cgappliance_tomorrow_total",
        'cgappliance_sessions{color="red"}',
        "sum by (color) (cgappliance_sessions)",
        "rate(cgappliance_login_seconds[5m])",
    ],
)
def test_the_check_can_fail(text: str):
    assert mistakes(text) != []


def test_every_metric_is_on_the_dashboard():
    shown = {name for text in DASHBOARD_QUERIES for name, _ in SELECTOR.findall(text)}
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert {about.name for about in metrics.descriptions()} - bare - {
        "cgappliance_warm_connections",
        "cgappliance_tenants",
    } == set()


def test_panels_of_the_dashboard_lie_side_by_side():
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def run(*argv: str, folder: Path | None = None, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, cwd=folder, input=stdin, capture_output=True, timeout=60, check=False)


@promtool
def test_rules_are_well_formed():
    done = run("promtool", "check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path):
    shutil.copy(RULES, tmp_path)
    shutil.copy(HERE / "rules_test.yml", tmp_path)
    done = run("promtool", "test", "rules", "rules_test.yml", folder=tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@promtool
def test_queries_of_the_dashboard_are_well_formed(tmp_path: Path):
    queries = [text for text in DASHBOARD_QUERIES if text != "prometheus" and not text.startswith("label_values")]
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, text in enumerate(queries):
        plain = text.replace("$__rate_interval", "5m")
        lines += [f"      - record: dashboard:query:{number}", f"        expr: {json.dumps(plain)}"]
    file = tmp_path / "dashboard.yml"
    file.write_text("\n".join(lines) + "\n")
    done = run("promtool", "check", "rules", str(file))
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@promtool
def test_metrics_pass_the_linter_of_prometheus():
    totals = Totals()
    row = [0.0] * (len(metrics.LATENCY_BUCKETS_S) + 2)
    for metric in metrics.COUNTED:
        about = metric.description
        totals.add([[about.name, ["x"] * len(about.labels), row if about.kind == "histogram" else 1]])
    gauges = {about.name: {("x",) * len(about.labels): 1.0} for about in metrics.GAUGES}
    done = run("promtool", "check", "metrics", stdin=generate_latest(Exposition(totals, lambda: gauges).registry))
    told = [line for line in (done.stdout + done.stderr).decode().splitlines() if not line.startswith(DAYS)]
    assert told == []
