"""What workers count, added up and shown as Prometheus reads it."""

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cgappliance import metrics
from cgappliance.server.exposition import Exposition, Totals

LOGINS, PHASES = metrics.LOGINS.description.name, metrics.PHASE_SECONDS.description.name
ACCEPTED = ["acme", "imap", "accepted", "accepted"]


@pytest.fixture
def totals():
    return Totals()


def shown(totals, gauges=None):
    """Return samples by name and labels, as a scrape reads them."""
    text = generate_latest(Exposition(totals, lambda: gauges or {}).registry).decode()
    families = text_string_to_metric_families(text)
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


def sample(found, name, **labels):
    return found[(name, *sorted(labels.items()))]


def test_counts_of_all_workers_add_up_and_survive_their_deaths(totals):
    totals.add([[LOGINS, ACCEPTED, 3]])
    totals.add([[LOGINS, ACCEPTED, 4]])  # of another worker; both may be dead by now
    found = shown(totals)
    assert sample(found, LOGINS, tenant="acme", protocol="imap", outcome="accepted", reason="accepted") == 7


def test_buckets_add_up_and_are_cumulative(totals):
    row = [0.0] * (len(metrics.LATENCY_BUCKETS_S) + 2)
    quick, slow = [*row], [*row]
    quick[0], quick[1] = 0.0005, 1
    slow[0], slow[-1] = 60.0, 1
    totals.add([[PHASES, ["imap", "tls"], quick], [PHASES, ["imap", "tls"], slow]])
    found = shown(totals)
    assert sample(found, f"{PHASES}_bucket", protocol="imap", phase="tls", le="0.001") == 1
    assert sample(found, f"{PHASES}_bucket", protocol="imap", phase="tls", le="30.0") == 1
    assert sample(found, f"{PHASES}_bucket", protocol="imap", phase="tls", le="+Inf") == 2
    assert sample(found, f"{PHASES}_count", protocol="imap", phase="tls") == 2
    assert sample(found, f"{PHASES}_sum", protocol="imap", phase="tls") == pytest.approx(60.0005)


def test_what_is_counted_in_this_process_is_what_is_shown(totals):
    metrics.drain()
    metrics.PHASE_SECONDS.observe("imap", "tls", amount=0.02)
    metrics.LIMITS_REACHED.add("sessions", amount=2)
    totals.add(metrics.drain())
    found = shown(totals)
    assert sample(found, f"{PHASES}_bucket", protocol="imap", phase="tls", le="0.025") == 1
    assert sample(found, "cgappliance_limit_reached_total", limit="sessions") == 2


def test_gauges_are_asked_for_at_each_scrape(totals):
    name = "cgappliance_worker_cpu_seconds_total"
    found = shown(totals, {"cgappliance_sessions": {("acme", "imap"): 5}, name: {("0",): 1.5}})
    assert sample(found, "cgappliance_sessions", tenant="acme", protocol="imap") == 5
    assert sample(found, name, worker="0") == 1.5


def test_a_scrape_hears_what_workers_tell_while_they_are_asked(totals):
    def gauges():
        totals.add([[LOGINS, ACCEPTED, 1]])
        return {}

    assert LOGINS.encode() + b"{" in generate_latest(Exposition(totals, gauges).registry)


def test_what_has_never_happened_is_shown_as_zero(totals):
    found = shown(totals)
    assert sample(found, "cgappliance_worker_restarts_total", cause="died") == 0
    assert sample(found, "cgappliance_history_dropped_total") == 0
    assert sample(found, "cgappliance_limit_reached_total", limit="sessions") == 0


def test_a_tenant_that_is_gone_is_forgotten(totals):
    totals.add([[LOGINS, ACCEPTED, 1], [LOGINS, ["blossom", *ACCEPTED[1:]], 1], [PHASES, ["imap", "tls"], [0.0] * 16]])
    assert totals.tenants() == {"acme", "blossom"}
    totals.forget("acme")
    assert totals.tenants() == {"blossom"}


def test_metrics_of_another_version_are_left_out(totals):
    totals.add([["cgappliance_of_tomorrow_total", ["x"], 1]])
    assert not [key for key in shown(totals) if "tomorrow" in key[0]]


def test_every_metric_is_described():
    text = generate_latest(Exposition(Totals(), dict).registry).decode()
    assert [each.name for each in metrics.descriptions() if f"# HELP {each.name} {each.help}" not in text] == []
