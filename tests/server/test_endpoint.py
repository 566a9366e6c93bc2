"""Metrics and health over HTTP."""

import http.client
import json
import socket

import pytest
from prometheus_client import CollectorRegistry, Gauge

from cgappliance.server.endpoint import Endpoint
from cgappliance.testing.lab.process import free_port


@pytest.fixture
def endpoint():
    """A running endpoint; ``endpoint.is_ready`` is what it says of all, tenant "acme" is ready and "blossom" is not."""
    registry = CollectorRegistry()
    Gauge("x", "X.", registry=registry).set(7)

    def ready(tenant):
        return {"": endpoint.is_ready, "acme": True, "blossom": False}[tenant], {"tenant": tenant}

    endpoint = Endpoint(registry, lambda: {"alive": True}, ready)
    endpoint.is_ready = True
    endpoint.port = free_port()
    endpoint.start("127.0.0.1", endpoint.port)
    yield endpoint
    endpoint.stop()


@pytest.fixture
def get(endpoint):
    """Return a function that asks for a path and returns status, content type and body."""

    def ask(path, method="GET", headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.headers["Content-Type"], body

    return ask


def test_metrics_are_shown_in_the_form_that_was_asked_for(get):
    status, content_type, body = get("/metrics")
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert "x 7.0" in body
    _, content_type, body = get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}.items())
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_alive(get):
    assert get("/healthz")[0] == 200


def test_ready_or_not(get, endpoint):
    assert get("/readyz")[0] == 200
    endpoint.is_ready = False
    status, content_type, body = get("/readyz")
    assert (status, content_type, json.loads(body)) == (503, "application/json", {"tenant": ""})


@pytest.mark.parametrize(("tenant", "status"), [("acme", 200), ("blossom", 503), ("nobody", 404), ("", 200)])
def test_one_tenant(get, tenant, status):
    assert get(f"/readyz?tenant={tenant}")[0] == status


def test_other_paths_and_methods(get):
    assert get("/")[0] == 404
    assert get("/metrics", method="POST")[0] == 405


def test_a_port_that_is_taken_is_no_reason_to_stop(endpoint):
    other = Endpoint(CollectorRegistry(), dict, lambda _tenant: (True, {}))
    other.start("127.0.0.1", endpoint.port)
    other.stop()


def test_nonsense_ends_the_connection_and_nothing_else(get, endpoint):
    with socket.create_connection(("127.0.0.1", endpoint.port), 5) as sock:
        sock.sendall(b"\x16\x03\x01\x00\r\n\r\n")
        sock.recv(1000)
    assert get("/healthz")[0] == 200
