import io
import ipaddress
import sys
from dataclasses import replace

import gevent
import pytest

from cgappliance import log
from cgappliance.testing.lab.process import wait_until

from .stage import LOGIN, read_until, tenant


@pytest.fixture
def logged():
    stream = io.StringIO()
    log.configure("debug", stream=stream)
    yield stream.getvalue
    log.configure(stream=sys.__stderr__)


# ---- reload


def test_client_from_before_several_reloads_logs_in_by_the_newest_file(stage):
    client, _serving = stage.connect()
    read_until(client, b"\r\n")
    for version in ("second", "third"):
        newer = stage.make_handler(fingerprint=version)
        stage.handler.replace_by(newer)
        stage.handler, _older = newer, stage.handler
    client.sendall(LOGIN)
    assert read_until(client, b"\r\n").startswith(b"a1 OK")
    assert stage.guard.versions == ["third"]


def test_client_from_before_several_reloads_is_dismissed_with_the_newest_handler(stage):
    client, _serving = stage.connect()
    read_until(client, b"\r\n")
    for version in ("second", "third"):
        newer = stage.make_handler(fingerprint=version)
        stage.handler.replace_by(newer)
        stage.handler = newer
    stage.handler.waiting.dismiss()
    assert b"* BYE" in read_until(client, b"again\r\n")


def test_replaced_handlers_are_not_kept(stage):
    for number in range(5):
        newer = stage.make_handler(fingerprint=str(number))
        stage.handler.replace_by(newer)
        stage.handler = newer
    gevent.sleep(0)
    assert len(stage.handler._replaced) <= 1


# ---- load balancers


def behind_a_balancer(stage, network):
    listen = replace(tenant().listen, proxy_protocol_from=(ipaddress.ip_network(network),))
    return stage.make_handler(listen=listen)


def test_header_of_a_load_balancer_names_the_client(stage):
    handler = behind_a_balancer(stage, "127.0.0.0/8")
    stage.log_in(handler=handler, before_tls=b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 10993\r\n")
    assert str(stage.recorder.logins[0].peer) == "203.0.113.7:40000"


def test_nobody_else_may_come_to_a_listener_of_load_balancers(stage, logged):
    with pytest.raises(OSError, match=r"EOF|reset"):
        stage.connect(behind_a_balancer(stage, "192.0.2.0/24"))
    wait_until(lambda: "not one of the load balancers" in logged(), "logged", 5)
