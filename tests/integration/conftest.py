"""The world of the integration tests: real slapd, Gmail look-alike, the real daemon; and what each test must leave as it was."""

import base64
import imaplib
import json
import poplib
import smtplib
import ssl
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import gevent
import psutil
import pytest

from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, World

from .talking import ACCEPTED, PROTOCOLS, Conversation

HERE = Path(__file__).parent
SETTLE_S = 5.0
SPARE = 8  # descriptors that open at first use and stay: the threads and files of the store
PER_DIRECTORY_CONNECTION = 3  # the connection, and the pair of sockets through which libldap talks with it


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
    """After the test: no session, connection, greenlet or pile of descriptors, and neither a secret nor a bug in the log."""
    before, greenlets_before, log_before = descriptors(world), greenlets(world), len(world.appliance.process.log_text())
    yield
    wait_until(lambda: not world.appliance.ask("sessions"), "sessions ended", SETTLE_S)
    wait_until(lambda: not mail_connections(world), "mail connections closed", SETTLE_S)
    wait_until(lambda: not greenlets(world) - greenlets_before, "greenlets ended", SETTLE_S)
    assert descriptors(world) <= before + SPARE
    text = world.appliance.process.log_text()[log_before:]
    assert "Traceback" not in text
    assert secrets_in(text, world) == []


def greenlets(world):
    """Return how many greenlets of each name all workers run."""
    return sum(map(Counter, world.appliance.ask("greenlets")), Counter())


def secrets_in(text, world):
    """Return the positions, in ``secrets``, of those that stand in ``text``: so a failing test does not print them."""
    long_ones = [person for person in world.people if len(person.password) > 6]  # others may stand anywhere by chance
    passwords = [world.slapd.bind_password, *(person.password for person in long_ones)]
    escaped = [json.dumps(password)[1:-1] for password in passwords]
    encoded = [base64.b64encode(f"\0{person.address}\0{person.password}".encode()).decode() for person in long_ones]
    secrets = [*passwords, *escaped, *encoded, "ya29.", "BEGIN PRIVATE KEY"]
    return [number for number, secret in enumerate(secrets) if secret in text]


def workers(world):
    """Return the worker processes that live; one that was killed may be listed until its successor is there."""
    pids = [entry["pid"] for entry in world.appliance.ask("status")["workers"]]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def descriptors(world):
    """Return how many descriptors the workers have open, pooled connections to directory and token endpoint left out."""
    ports = Counter(entry.raddr.port for entry in connections(world))
    directory = sum(
        ports[port] for port in (world.slapd.ldap_port, world.slapd.ldaps_port, *getattr(world, "more_directory_ports", ()))
    )
    pooled = PER_DIRECTORY_CONNECTION * directory + ports[world.gmail.ports["http"]]
    return sum(worker.num_fds() for worker in workers(world)) - pooled


def connections(world):
    return [entry for worker in workers(world) for entry in worker.net_connections("tcp") if entry.raddr]


def mail_connections(world):
    """Return the workers' connections that belong to a client or its session."""
    ours = {world.ports.imaps, world.ports.pop3s, world.ports.smtps}
    gmail = {world.gmail.ports[name] for name in ("imaps", "pop3s", "smtps")} | getattr(world, "more_upstream_ports", set())
    return [entry for entry in connections(world) if entry.laddr.port in ours or entry.raddr.port in gmail]


@pytest.fixture
def as_before(world, talk):
    """After the test, without a restart: the three protocols let somebody in."""
    before = {worker.pid for worker in workers(world)}
    yield
    assert {worker.pid for worker in workers(world)} == before
    for protocol in PROTOCOLS:
        assert talk(protocol).log_in_as(TARO).startswith(ACCEPTED[protocol])


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


@pytest.fixture
def talk(world, trust):
    """Return a function that opens a Conversation with one of the tenant's listeners, and closes it after the test."""
    opened = []

    def open_to(protocol, *, context=None, source=None, port=None):
        conversation = Conversation(protocol, port or world.ports.of(protocol), context or trust, source)
        opened.append(conversation)
        return conversation

    yield open_to
    for conversation in opened:
        conversation.close()


@contextmanager
def changed(world, **tables):
    """Inside, the world's tenant has other tables in its file."""
    try:
        world.appliance.tenant("acme", world.tenant_file(**tables))
        world.appliance.ask("reload")
        yield
    finally:
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")


def at_once(function, values):
    """Return what ``function`` returns for each of ``values``, all called at the same time."""
    jobs = [gevent.spawn(function, value) for value in values]
    gevent.joinall(jobs, raise_error=True)
    return [job.get() for job in jobs]


@pytest.fixture
def log(world):
    """Return a function: the fields of all ``login`` lines since the test began, as dictionaries."""
    start = len(world.appliance.process.log_text())

    def lines(event="login"):
        text = world.appliance.process.log_text()[start:]
        return [fields_of(line) for line in text.splitlines() if f" event={event} " in line]

    return lines


def fields_of(line):
    """Return the fields of a logfmt line; quoted values keep their escapes."""
    fields, rest = {}, line.strip()
    while rest:
        name, _, rest = rest.partition("=")
        if rest.startswith('"'):
            end = 1
            while rest[end] != '"' or rest[end - 1] == "\\":
                end += 1
            fields[name.strip()], rest = rest[1:end], rest[end + 1 :]
        else:
            fields[name.strip()], _, rest = rest.partition(" ")
    return fields
