"""What is true now, as samples."""

from dataclasses import fields

import pytest

from cgappliance import metrics
from cgappliance.config.values import Limits
from cgappliance.model import Reason
from cgappliance.net.health import Health, Part
from cgappliance.server.gauges import SHOWN_LIMITS, Known, gauges
from cgappliance.server.health_board import HealthBoard, rows_of


def report(number, **changes):
    return {
        "worker": number,
        "sessions": [["acme", "imap", 2]],
        "before_login": 3,
        "warm": [["acme", "imap", 1]],
        "store_healthy": True,
        "memory_bytes": 1000,
        "descriptors": 10,
        "max_descriptors": 100,
        "cpu_s": 1.5,
        **changes,
    }


@pytest.fixture
def shown():
    """Return a function: the samples for some reports."""
    limits = Limits(*[float(number) for number in range(len(fields(Limits)))])
    health, board = Health(), HealthBoard()
    health.note(Part.DIRECTORY, Reason.DIRECTORY_UNAVAILABLE)
    board.update(rows_of("acme", health))
    known = Known(1.0, limits, {0: 0.1, 1: 9.5}, frozenset({"acme"}), frozenset({"blossom"}), {"acme": 12.5})
    return lambda *reports: gauges(known, reports, board)


def test_workers_add_up(shown):
    samples = shown(report(0), report(1))
    assert samples["cgappliance_sessions"] == {("acme", "imap"): 4}
    assert samples["cgappliance_connections_before_login"] == {(): 6}
    assert samples["cgappliance_warm_connections"] == {("acme", "imap"): 2}


def test_a_worker_that_did_not_answer_is_seen_by_its_silence(shown):
    samples = shown(report(0))
    assert samples["cgappliance_worker_silent_seconds"] == {("0",): 0.1, ("1",): 9.5}
    assert samples["cgappliance_worker_memory_bytes"] == {("0",): 1000}


def test_tenants_files_certificates_and_parts(shown):
    samples = shown()
    assert samples["cgappliance_tenant_broken"] == {("acme",): 0, ("blossom",): 1}
    assert samples["cgappliance_tenant_healthy"] == {("acme", "directory"): 0}
    assert samples["cgappliance_certificate_days_left"] == {("acme",): 12.5}


def test_one_worker_that_cannot_reach_the_database_is_enough(shown):
    assert shown(report(0), report(1, store_healthy=False))["cgappliance_store_healthy"] == {(): 0}


def test_every_gauge_that_is_declared_is_filled_and_no_other(shown):
    samples = shown(report(0))
    assert set(samples) == {about.name for about in metrics.GAUGES}
    for about in metrics.GAUGES:
        assert {len(key) for key in samples[about.name]} == {len(about.labels)}, about.name


def test_shown_limits_are_settings():
    assert set(SHOWN_LIMITS) <= {field.name for field in fields(Limits)}
