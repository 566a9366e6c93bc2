"""How long certificates are good."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from cgappliance.server.expiry import Expiry
from cgappliance.testing.lab.certificates import Authority

NOW = datetime.now(UTC)


@pytest.fixture
def certificate(tmp_path):
    return Authority(tmp_path).expired(file="x").certificate


def tenant(certificate, fingerprint="1"):
    return SimpleNamespace(id="acme", fingerprint=fingerprint, listen=SimpleNamespace(certificate=certificate))


def test_days_since_the_end_are_negative(certificate):
    days = Expiry().days_left([tenant(certificate)], NOW)["acme"]
    assert days < 0


def test_time_goes_by(certificate):
    expiry = Expiry()
    before = expiry.days_left([tenant(certificate)], NOW)["acme"]
    assert expiry.days_left([tenant(certificate)], NOW + timedelta(days=2))["acme"] == pytest.approx(before - 2)


def test_a_file_is_read_again_only_when_the_tenant_has_changed(certificate):
    expiry = Expiry()
    before = expiry.days_left([tenant(certificate)], NOW)
    certificate.unlink()
    assert expiry.days_left([tenant(certificate)], NOW) == before
    assert expiry.days_left([tenant(certificate, fingerprint="2")], NOW) == {}
