import socket

import gevent
import pytest

from cgappliance.errors import PluginError
from cgappliance.net.listener import bind
from cgappliance.net.surroundings import Timeouts
from cgappliance.server import tenant_service as module
from cgappliance.server.tenant_service import TenantLimits, TenantService
from cgappliance.testing.lab.certificates import Authority

from .tenants import IMAP, POP3, Plugins, house, shared, tenant

LIMITS = TenantLimits(refusal_delay_s=0.0, warm_connections=0, sessions_per_tenant=100, sessions_per_account=12)
WHOLE_LIFE = ["make backend of acme", "make provider of acme", "start backend", "start provider"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pair")).issue()


@pytest.fixture
def plugins():
    return Plugins()


@pytest.fixture
def place():
    place = house()
    yield place
    place.sessions.stop()


@pytest.fixture
def serve(plugins, place):
    """Return a function that makes a service."""
    made = []

    def make(tenant, timeouts=None):
        made.append(TenantService(tenant, plugins.kinds(), shared=shared(place), timeouts=timeouts or Timeouts(), limits=LIMITS))
        return made[-1]

    yield make
    for service in made:
        service.stop_listening()


@pytest.fixture
def bound():
    """Return a function that binds a tenant's endpoints."""
    sockets = {}

    def bind_all(*tenants):
        for each in tenants:
            for port in each.listen.ports.values():
                if ("127.0.0.1", port) not in sockets:
                    sockets["127.0.0.1", port] = bind("127.0.0.1", port)
        return dict(sockets)

    yield bind_all
    for sock in sockets.values():
        sock.close()


def greets(port):
    """Tell whether somebody accepts there, and not the kernel alone: what is no TLS gets an alert."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.3) as client:
        client.sendall(b"this is no TLS\r\n")
        try:
            client.recv(10)
        except TimeoutError:
            return False
        return True


def test_plugins_are_made_and_started_in_order(serve, plugins, pair):
    serve(tenant(pair))
    assert plugins.calls == WHOLE_LIFE


@pytest.mark.parametrize("step", WHOLE_LIFE)
@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(1)])
def test_plugin_that_breaks_is_told_with_tenant_and_name(serve, plugins, pair, step, error):
    plugins.broken[step] = error
    with pytest.raises(PluginError, match=rf"acme: (auth|google) plugin 'fake': {type(error).__name__}"):
        serve(tenant(pair))


def test_backend_is_stopped_again_when_the_provider_cannot_start(serve, plugins, pair):
    plugins.broken = {"start provider": RuntimeError("no"), "stop backend": RuntimeError("neither")}
    with pytest.raises(PluginError, match="google plugin"):
        serve(tenant(pair))
    assert plugins.calls[-1] == "stop backend"


def test_plugin_that_hangs_at_its_start_is_abandoned(serve, plugins, pair, monkeypatch):
    monkeypatch.setattr(module, "PLUGIN_CALL_TIMEOUT_S", 0.05)
    monkeypatch.setattr(plugins, "note", lambda call: gevent.sleep(60))
    with pytest.raises(PluginError, match=r"no return within 0\.05 s"):
        serve(tenant(pair))


def test_listens_on_its_own_sockets_and_no_other(serve, bound, pair):
    acme, other = tenant(pair), tenant(pair, "other")
    service = serve(acme)
    assert service.listen(bound(acme, other)) == 1
    assert greets(acme.listen.ports[IMAP])
    assert not greets(other.listen.ports[IMAP])


def test_socket_that_comes_later_is_served_too_and_each_only_once(serve, bound, pair):
    acme = tenant(pair)
    service = serve(acme)
    assert service.listen({}) == 0
    assert service.listen(bound(acme)) == 1
    assert service.listen(bound(acme)) == 0
    assert greets(acme.listen.ports[IMAP])


def test_newer_service_takes_over_the_sockets(serve, bound, pair):
    acme = tenant(pair)
    older, newer = serve(acme), serve(acme)
    older.listen(bound(acme))
    newer.take_over(older, bound(acme))
    assert greets(acme.listen.ports[IMAP])
    older.stop_listening()
    assert greets(acme.listen.ports[IMAP])


def test_protocol_that_is_no_longer_offered_sends_its_waiting_clients_away(serve, bound, pair):
    both = tenant(pair, ports={IMAP: tenant(pair).listen.ports[IMAP], POP3: tenant(pair).listen.ports[IMAP]})
    older, newer = serve(both), serve(tenant(pair, ports={IMAP: both.listen.ports[IMAP]}))
    newer.take_over(older, bound(both))
    assert older.handlers[POP3].waiting.dismissing
    assert not older.handlers[IMAP].waiting.dismissing


def test_plugins_are_stopped_when_the_service_retires(serve, plugins, pair):
    serve(tenant(pair)).retire()
    assert plugins.calls == [*WHOLE_LIFE, "stop backend", "stop provider"]


def test_plugins_are_stopped_after_the_last_login_that_uses_them(serve, plugins, pair):
    service = serve(tenant(pair))
    with service.in_use():
        job = gevent.spawn(service.retire)
        gevent.sleep(0.02)
        assert plugins.calls == WHOLE_LIFE
    job.join(5)
    assert plugins.calls[-1] == "stop provider"


def test_login_that_does_not_end_does_not_keep_the_plugins_for_ever(serve, plugins, pair):
    service = serve(tenant(pair), Timeouts(directory_s=0.01, token_s=0.01, upstream_s=0.01))
    with service.in_use():
        service.retire()
        assert plugins.calls[-1] == "stop provider"


def test_plugin_that_cannot_stop_is_logged_and_the_other_one_stopped(serve, plugins, pair, logged):
    service = serve(tenant(pair))
    plugins.broken["stop backend"] = RuntimeError("no")
    service.retire()
    assert plugins.calls[-1] == "stop provider"
    assert "event=plugin.failed" in logged()


def test_limits_of_the_tenant_file_go_before_the_appliances(serve, pair):
    assert serve(tenant(pair))._around.max_sessions_per_account == 12
    assert serve(tenant(pair, max_sessions_per_account=3))._around.max_sessions_per_account == 3


def test_unreadable_certificate_is_the_callers_to_handle(serve, pair, tmp_path):
    acme = tenant(pair)
    missing = acme.listen.__class__(acme.listen.hostname, acme.listen.addresses, acme.listen.ports, tmp_path / "x", tmp_path / "y")
    with pytest.raises(OSError, match="No such file"):
        serve(tenant(pair, listen=missing))
