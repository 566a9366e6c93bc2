"""Two nodes over one PostgreSQL, behind a real HAProxy that asks /readyz."""

import contextlib
import os
import signal
import time

import gevent
import pytest

from cgappliance.testing.lab.appliance import AppliancePorts, ApplianceProcess
from cgappliance.testing.lab.postgresql import PostgreSQL
from cgappliance.testing.lab.process import free_port, port_open, wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.operations.balancer import Balancer
from tests.integration.talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SHUTDOWN

HEARD_S = 5.0  # what one node does reaches the other within two seconds; the machine may be busy


class Node:
    """One appliance with ports of its own."""

    def __init__(self, world, folder, name, store, key_file):
        self.name = name
        self.ports = AppliancePorts()
        self.metrics_port = free_port()
        self.appliance = ApplianceProcess(
            folder, top=f'node = "{name}"\nstop_notice_s = 1.0', extra=f"\n[metrics]\nport = {self.metrics_port}\n"
        )
        text = self.appliance.config.read_text()
        text = text.replace(f"sqlite:///{folder}/cgappliance.db", store).replace(f"{folder}/store.key", str(key_file))
        self.appliance.config.write_text(text)
        pair = world.certificate
        listen = (
            f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{self.ports.toml()}'
            f'certificate = "{pair.certificate}"\nprivate_key = "{pair.private_key}"\nproxy_protocol_from = ["127.0.0.0/8"]'
        )
        self.appliance.tenant("acme", world.tenant_file(listen=listen))

    def sessions(self):
        return self.appliance.ask("sessions", here=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Directory and Gmail; ``world.nodes`` are the nodes, ``world.ports`` those of the balancer."""
    folder = tmp_path_factory.mktemp("nodes")
    world = World(folder / "world", remote_ips=())
    with contextlib.ExitStack() as stack:
        stack.callback(world.kill)
        world.slapd.start()
        world.gmail.start()
        for person in world.people:
            world.gmail.control.add_account(person.address)
        store = stack.enter_context(PostgreSQL()).create_database()
        key_file = folder / "store.key"
        world.nodes = {name: Node(world, folder / name, name, store, key_file) for name in ("mail1", "mail2")}
        for node in world.nodes.values():  # one after the other: the first makes database and key
            stack.callback(node.appliance.process.kill)
            node.appliance.start()
        nodes = {name: {protocol: node.ports.of(protocol) for protocol in PROTOCOLS} for name, node in world.nodes.items()}
        checks = {name: node.metrics_port for name, node in world.nodes.items()}
        world.balancer = stack.enter_context(Balancer(folder / "haproxy", nodes, check_ports=checks))
        yield world


@pytest.fixture
def mail1(world):
    return world.nodes["mail1"]


@pytest.fixture
def mail2(world):
    return world.nodes["mail2"]


@pytest.fixture
def come(world, talk):
    """Return a function: a conversation through the balancer, with nobody logged in."""
    return lambda protocol=IMAP, source=None: talk(protocol, source=source, port=world.balancer.ports[protocol])


@pytest.fixture(autouse=True)
def empty(world):
    wait_until(lambda: not any(node.sessions() for node in world.nodes.values() if node.appliance.process.alive), "empty", 5)


@pytest.fixture
def on_each(world, come):
    """Return a function: sessions of a person, one on each node, by the node's name."""

    def log_in(person):
        found = {}
        deadline = time.monotonic() + HEARD_S
        while len(found) < 2 and time.monotonic() < deadline:
            client = come()
            before = {name: len(node.sessions()) for name, node in world.nodes.items()}
            assert client.log_in_as(person).startswith(ACCEPTED[IMAP])
            name = next(name for name, node in world.nodes.items() if len(node.sessions()) > before[name])
            found.setdefault(name, client)
        assert set(found) == {"mail1", "mail2"}
        return found

    return log_in


def is_alive(client):
    return client.ask(b"a1 NOOP").startswith(b"OK")


def test_clients_are_spread_and_every_node_sees_all_sessions(mail1, mail2, on_each):
    on_each(YUKI)
    for node in (mail1, mail2):
        assert {row["node"] for row in node.appliance.json("session", "list")} == {"mail1", "mail2"}
        assert {row["node"] for row in node.appliance.json("session", "list", "--here")} == {node.name}


def test_a_kick_at_one_node_ends_the_sessions_of_both(mail1, on_each):
    clients = on_each(YUKI)
    others = on_each(TARO)
    assert mail1.appliance.json("session", "kick", "--account", YUKI.address)["ended"] >= 2
    assert all(client.rest() == SHUTDOWN[IMAP] + b"\r\n" for client in clients.values())
    assert all(map(is_alive, others.values()))


def test_an_account_that_is_disabled_at_one_node_is_out_everywhere(mail1, on_each, come):
    clients = on_each(YUKI)
    mail1.appliance.command("account", "disable", "acme", YUKI.address)
    try:
        assert all(client.rest() != b"" for client in clients.values())
        assert [come().log_in_as(YUKI) for _ in range(2)] == [REFUSED[IMAP]] * 2
    finally:
        mail1.appliance.command("account", "enable", "acme", YUKI.address)
    wait_until(lambda: come().log_in_as(YUKI).startswith(ACCEPTED[IMAP]), "let in again", HEARD_S)


def test_a_profile_that_changes_at_one_node_holds_at_both(tmp_path, mail2, on_each, come):
    rules = tmp_path / "rules.json"
    rules.write_text('[{"protocols": ["imap"]}]')
    mail2.appliance.command("profile", "create", "acme", "imap-only", "--rules", str(rules))
    mail2.appliance.command("profile", "apply", "acme", "imap-only", TARO.address, "--yes")
    try:
        wait_until(lambda: all(come(POP3).log_in_as(TARO) == REFUSED[POP3] for _ in range(2)), "POP3 refused by both", HEARD_S)
        clients = on_each(TARO)
        rules.write_text('[{"protocols": ["pop3"]}]')
        mail2.appliance.command("profile", "edit", "acme", "imap-only", "--rules", str(rules), "--yes")
        assert all(client.rest() != b"" for client in clients.values())
    finally:
        mail2.appliance.command("profile", "apply", "acme", "", TARO.address, "--yes")


def test_wrong_passwords_count_whichever_node_hears_them(world, come):
    binds = world.slapd.count("BIND")
    for number in range(8):
        assert come(source=f"127.0.3.{number + 1}").log_in(TARO.address, f"wrong {number}") == REFUSED[IMAP]
    assert [come(source=f"127.0.4.{number + 1}").log_in_as(TARO) for number in range(2)] == [REFUSED[IMAP]] * 2  # locked
    assert world.slapd.count("BIND") - binds <= 5 + 2  # five of TARO's, and the service account's own to open connections
    world.nodes["mail1"].appliance.command("account", "unlock", "acme", TARO.address)
    wait_until(lambda: come().log_in_as(TARO).startswith(ACCEPTED[IMAP]), "unlocked", HEARD_S)


def test_the_history_of_both_is_one(mail1, on_each):
    on_each(YUKI)
    rows = mail1.appliance.json("history", "list", "--account", YUKI.address)["rows"]
    assert {row["node"] for row in rows if row["outcome"] == "accepted"} == {"mail1", "mail2"}


def test_killing_a_node_costs_its_own_sessions_and_no_others(world, mail1, mail2, on_each, come):
    clients = on_each(YUKI)
    mail1.appliance.process.kill()
    wait_until(lambda: not port_open("127.0.0.1", mail1.ports.imaps), "its last process is gone", 5)
    killed_at = time.monotonic()
    assert come().log_in_as(TARO).startswith(ACCEPTED[IMAP])  # the very next client is served by the other
    waited_s = time.monotonic() - killed_at
    assert is_alive(clients["mail2"])
    assert clients["mail1"].rest() == b""
    assert waited_s < 3
    print(f"after kill -9 of a node the next login took {waited_s:.2f} s")
    assert all(come().log_in_as(YUKI).startswith(ACCEPTED[IMAP]) for _ in range(4))
    mail1.appliance.start()
    wait_until(lambda: come().log_in_as(TARO).startswith(ACCEPTED[IMAP]) and mail1.sessions(), "the node takes part again", HEARD_S)
    lost = mail1.appliance.json("history", "list", "--account", YUKI.address, "--state", "lost")["rows"]
    assert {row["node"] for row in lost} == {"mail1"}


def test_a_node_that_is_stopped_refuses_nobody_and_says_good_bye(mail2, on_each, come):
    inside = on_each(TARO)
    os.kill(mail2.appliance.process.pid, signal.SIGTERM)
    answers = []
    while mail2.appliance.process.alive:
        client = come()
        answers.append(client.log_in_as(YUKI))
        client.close()
        gevent.sleep(0.05)
    assert [answer for answer in answers if not answer.startswith(ACCEPTED[IMAP])] == []
    assert len(answers) > 10
    assert inside["mail2"].rest() == SHUTDOWN[IMAP] + b"\r\n"
    assert is_alive(inside["mail1"])
    mail2.appliance.stop() if mail2.appliance.process.alive else mail2.appliance.process.kill()
    mail2.appliance.start()
