"""The world of the integration tests: real slapd, Gmail look-alike, the real daemon; and what each test must leave as it was."""

import imaplib
import poplib
import smtplib
import socket
import ssl
from pathlib import Path

import psutil
import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World

HERE = Path(__file__).parent
SETTLE_S = 5.0
POOLED = 12  # connections to directory and token endpoint that stay open between logins


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("integration")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One world for the tests of a file; each test must leave it as it found it (``tidy``)."""
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def tidy(world):
    """After the test: no session, no connection of a client or to Gmail, no pile of descriptors, and no secret in the log."""
    before = descriptors(world)
    yield
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", SETTLE_S)
    wait_until(lambda: not mail_connections(world), "mail connections closed", SETTLE_S)
    assert descriptors(world) <= before + POOLED
    text = world.appliance.process.log_text()
    secrets = [YUKI.password, TARO.password, world.slapd.bind_password, "ya29.", "BEGIN PRIVATE KEY"]
    assert [number for number, secret in enumerate(secrets) if secret in text] == []


def workers(world):
    return [psutil.Process(entry["pid"]) for entry in world.appliance.ask("status")["workers"]]


def descriptors(world):
    return sum(worker.num_fds() for worker in workers(world))


def mail_connections(world):
    """Return the workers' connections that belong to a client or its session."""
    ours = {world.ports.imaps, world.ports.pop3s, world.ports.smtps}
    gmail = {world.gmail.ports[name] for name in ("imaps", "pop3s", "smtps")}
    found = [connection for worker in workers(world) for connection in worker.net_connections("tcp") if connection.raddr]
    return [entry for entry in found if entry.laddr.port in ours or entry.raddr.port in gmail]


@pytest.fixture
def trust(world):
    context = ssl.create_default_context(cafile=str(world.authority.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture
def imap(world, trust):
    with imaplib.IMAP4_SSL("localhost", world.ports.imaps, ssl_context=trust, timeout=10) as client:
        yield client


@pytest.fixture
def pop3(world, trust):
    client = poplib.POP3_SSL("localhost", world.ports.pop3s, context=trust, timeout=10)
    yield client
    client.close()


@pytest.fixture
def smtp(world, trust):
    client = smtplib.SMTP_SSL("localhost", world.ports.smtps, context=trust, timeout=10)
    yield client
    client.close()


class Conversation:
    """A connection whose bytes the test writes itself: ``expect`` reads up to what it waits for."""

    def __init__(self, port, context, source=None):
        raw = socket.create_connection(("localhost", port), timeout=10, source_address=source)
        self.sock = context.wrap_socket(raw, server_hostname="localhost")
        self.read = b""

    def send(self, data):
        self.sock.sendall(data)

    def expect(self, wanted):
        """Read until ``wanted`` has come and return everything up to its end."""
        while wanted not in self.read:
            data = self.sock.recv(65536)
            assert data, f"closed before {wanted!r} came; got {self.read!r}"
            self.read += data
        at = self.read.index(wanted) + len(wanted)
        got, self.read = self.read[:at], self.read[at:]
        return got

    def rest(self):
        """Return what comes until the server closes."""
        got, self.read = self.read, b""
        try:
            while data := self.sock.recv(65536):
                got += data
        except (ssl.SSLError, ConnectionError):
            pass
        return got

    def close(self):
        self.sock.close()


@pytest.fixture
def talk(world, trust):
    """Return a function that opens a Conversation to one of the tenant's ports."""
    opened = []

    def open_to(port, context=None, source=None):
        conversation = Conversation(port, context or trust, source)
        opened.append(conversation)
        return conversation

    yield open_to
    for conversation in opened:
        conversation.close()
