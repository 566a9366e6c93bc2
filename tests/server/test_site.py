"""The site's process, seen from the supervisor's end of the channel; the site itself is a fake."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest

from cgappliance.config import Config
from cgappliance.config.load import load
from cgappliance.config.values import WebSettings
from cgappliance.server import site
from cgappliance.server.channel import Channel
from cgappliance.server.site import SiteLife, SiteProcess, endpoints
from tests.config.kit import KINDS, Place

PATIENCE_S = 5.0


@dataclass
class FakeSite:
    """Notes what it is told."""

    tenants: list[set[str]] = field(default_factory=list)
    sockets: list[Any] = field(default_factory=list)
    stopped_within: list[float] = field(default_factory=list)

    def start(self, tenants: Any, sockets: Any) -> None:
        self.tenants.append(set(tenants))
        self.sockets = list(sockets)

    def apply(self, tenants: Any) -> None:
        self.tenants.append(set(tenants))

    def stop(self, timeout_s: float) -> None:
        self.stopped_within.append(timeout_s)


@pytest.fixture
def place(tmp_path: Any) -> Place:
    place = Place(tmp_path)
    place.toml.write_text('conf_d = "conf.d"\ndrain_timeout_s = 7\n[web]\nport = 18443\n')
    place.tenant("acme")
    return place


@pytest.fixture
def config(place: Place) -> Config:
    return load(place.toml, KINDS)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    channels = Channel(one), Channel(other)
    yield channels
    for channel in channels:
        channel.close()


@pytest.fixture
def fake() -> FakeSite:
    return FakeSite()


@pytest.fixture
def running(config: Config, fake: FakeSite, ends: tuple[Channel, Channel]) -> Iterator[Any]:
    """The process's loop in a greenlet."""
    process = SiteProcess(SiteLife(config, KINDS), lambda _life: fake, ends[1])
    job = gevent.spawn(process.run, ["a socket"])
    yield job
    job.kill()


def told(channel: Channel, event: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    with gevent.Timeout(PATIENCE_S):
        while True:
            received = channel.receive()
            assert received is not None
            if received[0]["event"] == event:
                return received[0]


def ask(channel: Channel, command: str, **arguments: Any) -> None:
    channel.send({"command": command, "id": 1, **arguments})
    assert told(channel, "answer")["id"] == 1


def test_the_site_is_ready_when_it_serves_and_then_says_that_it_lives(running: Any, fake: FakeSite, ends: Any) -> None:
    told(ends[0], "ready")
    assert (fake.tenants, fake.sockets) == ([{"acme"}], ["a socket"])
    told(ends[0], "alive")


def test_a_site_that_cannot_start_is_not_ready(config: Config, ends: Any) -> None:
    class Broken(FakeSite):
        def start(self, tenants: Any, sockets: Any) -> None:
            raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        SiteProcess(SiteLife(config, KINDS), lambda _life: Broken(), ends[1]).run([])
    ends[1].close()
    assert ends[0].receive() is None


def test_a_reload_brings_what_is_new_keeps_what_is_broken_and_takes_what_is_gone(
    running: Any, fake: FakeSite, ends: Any, place: Place
) -> None:
    told(ends[0], "ready")
    place.tenant("beta", ("acme.example", "beta.example"), ("10993", "20993"))
    beta = load(place.toml, KINDS).tenants["beta"].fingerprint
    ask(ends[0], "reload", tenants={"beta": beta}, broken=["acme"])
    ask(ends[0], "reload", tenants={"beta": beta}, broken=[])
    assert fake.tenants == [{"acme"}, {"acme", "beta"}, {"beta"}]


@pytest.mark.parametrize("how", ["drain", "gone"])
def test_the_site_stops_when_told_so_and_when_the_supervisor_is_gone(running: Any, fake: FakeSite, ends: Any, how: str) -> None:
    told(ends[0], "ready")
    if how == "drain":
        ends[0].send({"command": "drain", "id": 1})
    else:
        ends[0].close()
    running.join(PATIENCE_S)
    assert (running.successful(), fake.stopped_within) == (True, [7.0])


def test_the_process_serves_its_own_listeners_and_lets_go_of_those_of_mail(
    config: Config, fake: FakeSite, ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.greenlets, "forked", lambda: None)
    monkeypatch.setattr(site.gc, "freeze", lambda: None)
    own, mail = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)}
    ends[0].send({"command": "drain", "id": 1})
    web = ("127.0.0.1", 18443)
    try:
        site.main(SiteLife(config, KINDS), lambda _life: fake, ends[1], {web: own, ("0.0.0.0", 10993): mail})
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (fake.sockets, own.fileno() >= 0, mail.fileno()) == ([own], True, -1)
    own.close()


def test_a_site_listens_on_each_of_its_addresses() -> None:
    web = WebSettings(("127.0.0.1", "::1"), 8443, True, None, None, (), 1800.0, 36_000.0)
    assert endpoints(web) == [("127.0.0.1", 8443), ("::1", 8443)]
    assert endpoints(None) == []
