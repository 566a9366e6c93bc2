"""Trials of a tenant's way whose plugins say what the test wants."""

import gevent
import pytest

from cgappliance.errors import LoginFailed
from cgappliance.model import AuthAnswer, Reason
from cgappliance.net.health import Part
from cgappliance.net.surroundings import Timeouts
from cgappliance.server.health_board import TRIAL
from cgappliance.server.probes import parts_of, probe
from cgappliance.server.tenant_service import TenantLimits, TenantService
from cgappliance.testing.lab.certificates import Authority
from tests.server.tenants import Plugins, house, shared, tenant

LIMITS = TenantLimits(refusal_delay_s=0.0, warm_connections=0, sessions_per_tenant=100, sessions_per_account=12)
HANGING_S = 0.05


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pair")).issue()


@pytest.fixture
def service(pair):
    place = house()
    timeouts = Timeouts(token_s=HANGING_S)
    service = TenantService(tenant(pair), Plugins().kinds(), shared=shared(place), timeouts=timeouts, limits=LIMITS)
    yield service
    place.sessions.stop()


def found(service, part, which):
    """Try a part and return what is known of it then; None: nothing."""
    probe(service, part, which)
    return next((finding.reason for kind, _, finding in service.health if kind is part), None)


def refusing(reason):
    def grant(address, protocol, *, fresh, timeout_s):
        raise LoginFailed(reason, "as the test wants")

    return grant


def test_all_parts_of_the_way_are_tried(service):
    assert parts_of(service.tenant) == [(Part.DIRECTORY, ""), (Part.TOKEN, TRIAL), (Part.UPSTREAM, "imap")]


def test_a_directory_that_answers_works_whatever_it_says_of_nobody(service, monkeypatch):
    monkeypatch.setattr(service.backend, "authenticate", lambda login, timeout_s: AuthAnswer(Reason.UNKNOWN_ADDRESS))
    assert found(service, Part.DIRECTORY, "") is Reason.ACCEPTED


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (Reason.GOOGLE_USER_UNKNOWN, Reason.ACCEPTED),  # it has looked at key, clock and delegation before it said so
        (Reason.TOKEN_UNAVAILABLE, Reason.TOKEN_UNAVAILABLE),
        (Reason.DELEGATION_MISSING, Reason.DELEGATION_MISSING),
        (Reason.NO_CREDENTIAL, None),  # a provider of passwords asks no endpoint
    ],
)
def test_a_token_endpoint_is_asked_for_a_user_that_there_is_not(service, monkeypatch, says, reason):
    monkeypatch.setattr(service.provider, "grant", refusing(says))
    assert found(service, Part.TOKEN, TRIAL) is reason


def test_a_token_endpoint_that_hangs_costs_no_more_than_its_time_out(service, monkeypatch):
    monkeypatch.setattr(service.provider, "grant", lambda *_, **__: gevent.sleep(100 * HANGING_S))
    assert found(service, Part.TOKEN, TRIAL) is Reason.TOKEN_UNAVAILABLE


@pytest.mark.parametrize(
    ("part", "what", "reason"),
    [(Part.DIRECTORY, "authenticate", Reason.BACKEND_FAILED), (Part.TOKEN, "grant", Reason.PROVIDER_FAILED)],
)
def test_a_plugin_that_breaks_is_found_broken(service, monkeypatch, part, what, reason):
    def breaks(*_, **__):
        raise RuntimeError("boom")

    plugin = service.backend if part is Part.DIRECTORY else service.provider
    monkeypatch.setattr(plugin, what, breaks)
    assert found(service, part, TRIAL) is reason
