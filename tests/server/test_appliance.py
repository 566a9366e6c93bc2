import gevent
import pytest

from cgappliance.model import Peer, Profile, Reason
from cgappliance.net.listener import bind
from cgappliance.net.relay import End
from cgappliance.server import appliance as module
from cgappliance.server.appliance import Appliance
from cgappliance.session.record import LoginRecord
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.process import free_port, wait_until

from .tenants import IMAP, POP3, Plugins, config, house, settings, shared, tenant


class FakeRelay:
    """A session's relay: it ends when told, and notes how."""

    def __init__(self, sessions, record):
        self.sessions, self.record, self.ended, self.running = sessions, record, None, True

    def bytes_moved(self):
        return 0, 0

    def end(self, why, detail="", last_words=b""):
        self.ended, self.running = (why, last_words), False
        self.sessions.remove(self.record)


class World:
    """An appliance of fake tenants with real listening sockets."""

    def __init__(self, folder):
        self.pair = Authority(folder).issue()
        self.settings = settings(folder)
        self.plugins, self.house = Plugins(), house()
        self.appliance = Appliance(self.settings.limits, self.plugins.kinds(), shared(self.house))
        self.sockets = {}
        self._count = 0

    def tenant(self, name="acme", **changes):
        return tenant(self.pair, name, **changes)

    def bind(self, *tenants):
        for each in tenants:
            for port in each.listen.ports.values():
                self.sockets.setdefault(("127.0.0.1", port), None)
                self.sockets["127.0.0.1", port] = self.sockets["127.0.0.1", port] or bind("127.0.0.1", port)

    def apply(self, *tenants, broken=()):
        self.bind(*tenants)
        return self.appliance.apply(config(self.settings, *tenants, broken=broken), self.sockets)

    def session(self, name="acme", protocol=IMAP, ip="127.0.0.1"):
        """Begin a session and return its relay."""
        self._count += 1
        address = f"yuki@{name}.example"
        record = LoginRecord(f"s{self._count}", name, protocol, 1, Peer.of(ip, 2), "TLSv1.3", "", address, address, Reason.ACCEPTED)
        relay = FakeRelay(self.house.sessions, record)
        self.house.sessions.add(record, relay)
        return relay

    def stop(self):
        self.appliance.stop_accepting()
        for sock in self.sockets.values():
            sock.close()
        self.house.sessions.stop()


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.stop()


BYE = b"* BYE The service is restarting, please connect again\r\n"


def test_tenants_come_change_and_go_one_by_one(world):
    acme, other = world.tenant(), world.tenant("other")
    assert world.apply(acme) == {"acme": "added"}
    assert world.apply(acme, other) == {"acme": "unchanged", "other": "added"}
    assert world.apply(acme, world.tenant("other", ports=other.listen.ports, fingerprint="new")) == {
        "acme": "unchanged",
        "other": "changed",
    }
    assert world.apply(acme) == {"acme": "unchanged", "other": "removed"}
    assert set(world.appliance.tenants) == {"acme"}


def test_broken_file_keeps_its_tenant(world):
    world.apply(world.tenant())
    assert world.apply(broken=["acme"]) == {"acme": "kept"}
    assert set(world.appliance.tenants) == {"acme"}


def test_broken_file_of_a_tenant_that_never_was_is_nothing_here(world):
    assert world.apply(broken=["acme"]) == {}


@pytest.mark.parametrize("step", ["make backend of acme", "start provider", "start backend"])
def test_tenant_that_cannot_start_stops_no_other(world, step, logged):
    acme, other = world.tenant(), world.tenant("other")
    world.apply(other)
    world.plugins.broken[step] = RuntimeError("broken")
    done = world.apply(acme, other)
    assert done["other"] == "unchanged"
    assert done["acme"].startswith("failed: acme: ")
    assert "event=tenant.failed" in logged()


def test_changed_tenant_that_cannot_start_stays_as_it_was(world):
    acme = world.tenant()
    world.apply(acme)
    world.plugins.broken["start backend"] = RuntimeError("broken")
    assert world.apply(world.tenant(ports=acme.listen.ports, fingerprint="new"))["acme"].startswith("failed: ")
    assert world.appliance.tenants["acme"] is acme


def endpoints_of(world, name):
    return {port for _, port in world.appliance.services[name].endpoints}


def test_tenant_that_could_not_change_does_not_listen_where_another_does_now(world):
    acme = world.tenant(ports={IMAP: free_port(), POP3: free_port()})
    world.apply(acme)
    world.plugins.broken["make backend of acme"] = RuntimeError("broken")
    world.apply(world.tenant(), world.tenant("other", ports={IMAP: acme.listen.ports[IMAP]}))
    assert endpoints_of(world, "acme") == {acme.listen.ports[POP3]}
    assert endpoints_of(world, "other") == {acme.listen.ports[IMAP]}


def test_tenant_that_could_not_change_leaves_a_socket_before_it_is_closed(world):
    acme = world.tenant()
    world.apply(acme)
    world.appliance.leave([("127.0.0.1", acme.listen.ports[IMAP])])
    assert endpoints_of(world, "acme") == set()


def test_tenant_whose_socket_comes_later_listens_then(world):
    acme = world.tenant()
    assert world.appliance.apply(config(world.settings, acme), {}) == {"acme": "added"}
    assert world.apply(acme) == {"acme": "changed"}
    assert world.apply(acme) == {"acme": "unchanged"}


def test_plugins_of_a_changed_tenant_are_replaced(world):
    acme = world.tenant()
    world.apply(acme)
    world.apply(world.tenant(ports=acme.listen.ports, fingerprint="new"))
    wait_until(lambda: world.plugins.calls.count("stop provider") == 1, "the old ones stopped", 5)
    assert world.plugins.calls.count("start provider") == 2


# ---- sessions


def test_sessions_of_a_removed_tenant_end_and_no_others(world):
    acme, other = world.tenant(), world.tenant("other")
    world.apply(acme, other)
    gone, stays = world.session(), world.session("other")
    world.apply(other)
    assert (gone.ended, stays.ended) == ((End.KICKED, BYE), None)


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, False),
        ({"default_profile": ""}, True),
        ({"profiles": {"office": Profile("office", frozenset({POP3}))}}, True),
        ({"profiles": {"office": Profile("office", frozenset({IMAP}))}}, False),
        ({"domains": frozenset({"elsewhere.example"})}, True),
    ],
)
def test_changed_file_ends_the_sessions_that_it_no_longer_permits(world, changes, ends):
    acme = world.tenant()
    world.apply(acme)
    relay = world.session()
    world.apply(world.tenant(ports=acme.listen.ports, fingerprint="new", **changes))
    assert (relay.ended is not None) is ends


def test_session_of_a_protocol_that_is_no_longer_offered_ends(world):
    both = world.tenant(ports={IMAP: world.tenant().listen.ports[IMAP], POP3: world.tenant().listen.ports[IMAP]})
    world.apply(both)
    imap, pop3 = world.session(), world.session(protocol=POP3)
    world.apply(world.tenant(ports={IMAP: both.listen.ports[IMAP]}, fingerprint="new"))
    assert imap.ended is None
    assert pop3.ended == (End.KICKED, b"-ERR [SYS/TEMP] The service is restarting, please connect again\r\n")


def test_many_sessions_are_judged_without_holding_up_the_others(world, monkeypatch):
    monkeypatch.setattr(module, "JUDGED_AT_ONCE", 10)
    world.apply(world.tenant())
    for _ in range(100):
        world.session()
    turns = []
    other = gevent.spawn(lambda: [turns.append(1) or gevent.sleep(0) for _ in range(1000)])
    gevent.sleep(0)
    before = len(turns)
    assert world.appliance.end_forbidden() == 0
    assert len(turns) > before
    other.kill()


# ---- the end


def test_drain_waits_for_sessions_and_returns_when_they_have_gone(world):
    world.apply(world.tenant())
    relay = world.session()
    job = gevent.spawn(world.appliance.drain, 5.0)
    gevent.sleep(0.05)
    assert not job.ready()
    relay.end(End.CLOSED)
    job.join(5)
    assert relay.ended == (End.CLOSED, b"")


def test_drain_ends_what_is_left_with_its_bye_and_stops_the_plugins(world, monkeypatch):
    monkeypatch.setattr(module, "GOODBYE_SPREAD_S", 0.05)
    world.apply(world.tenant())
    relays = [world.session() for _ in range(5)]
    world.appliance.drain(0.05)
    assert [relay.ended for relay in relays] == [(End.SHUTDOWN, BYE)] * 5
    assert world.plugins.calls[-1] == "stop provider"
    assert world.appliance.tenants == {}


def test_drain_sends_waiting_clients_away_at_once(world):
    world.apply(world.tenant())
    [service] = world.appliance.services.values()
    world.appliance.drain(0.0)
    assert all(handler.waiting.dismissing for handler in service.handlers.values())
