"""The listening sockets: bound once, and kept by systemd over a restart."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from cgappliance.server import systemd
from cgappliance.server.sockets import Endpoint, Sockets
from cgappliance.testing.lab.process import free_port


@pytest.fixture
def endpoint() -> Endpoint:
    return "127.0.0.1", free_port()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """What systemd keeps: its copies of descriptors by name."""
    store: dict[str, int] = {}

    def keep(name: str, fd: int) -> bool:
        store[name] = os.dup(fd)
        return True

    monkeypatch.setattr(systemd, "keep", keep)
    monkeypatch.setattr(systemd, "forget", lambda name: os.close(store.pop(name)))
    yield store
    for fd in store.values():
        os.close(fd)


def connects(endpoint: Endpoint) -> bool:
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex(endpoint) == 0


def test_connection_during_a_restart_waits_for_the_next_process(endpoint: Endpoint, kept: dict[str, int]) -> None:
    before = Sockets()
    before.rebind([endpoint])
    before.close(restart=True)
    with socket.create_connection(endpoint, timeout=5):
        after = Sockets([os.dup(fd) for fd in kept.values()])
        assert not after.rebind([endpoint]).added
        with socket.socket(fileno=os.dup(after.open[endpoint].fileno())) as listener:
            listener.accept()[0].close()
    after.close()


def test_stop_refuses_at_once(endpoint: Endpoint, kept: dict[str, int]) -> None:
    sockets = Sockets()
    sockets.rebind([endpoint])
    sockets.close()
    assert not kept
    assert not connects(endpoint)


def test_dropped_socket_refuses_connections(endpoint: Endpoint, kept: dict[str, int]) -> None:
    sockets = Sockets()
    sockets.rebind([endpoint])
    sockets.drop([endpoint])
    assert not kept
    assert not connects(endpoint)


def test_names_of_kept_sockets_hold_no_colon(kept: dict[str, int]) -> None:
    sockets = Sockets()
    sockets.rebind([("::1", free_port())])
    assert [":" in name for name in kept] == [False]
    sockets.close()


def test_address_in_use_is_told_and_others_are_bound(endpoint: Endpoint, kept: dict[str, int]) -> None:
    other = "127.0.0.2", endpoint[1]
    with socket.create_server(endpoint):
        sockets = Sockets()
        rebound = sockets.rebind([endpoint, other])
        assert set(rebound.failed) == {endpoint}
        assert set(rebound.added) == {other} == set(sockets.open)
    sockets.close()


def test_socket_that_nobody_wants_any_more_is_named_and_left_open(endpoint: Endpoint, kept: dict[str, int]) -> None:
    sockets = Sockets()
    sockets.rebind([endpoint])
    assert sockets.rebind([]).removed == {endpoint}
    assert connects(endpoint)
    sockets.close()
