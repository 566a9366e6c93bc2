"""A stage for ``net/handler.py``: everything that it knows, small and in this process; the client and Gmail are the test's.

The client speaks real TLS through a real socket; Gmail is a greenlet at the other end of a real TLS connection.
"""

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import gevent

from cgappliance.errors import LoginFailed
from cgappliance.model import (
    AuthAnswer,
    Grant,
    GrantMechanism,
    HostPort,
    Listen,
    MailProtocol,
    PluginChoice,
    Profile,
    Reason,
    Tenant,
    Upstream,
)
from cgappliance.net.counts import SharedCounts
from cgappliance.net.courtesy import Courtesy
from cgappliance.net.handler import Handler
from cgappliance.net.health import Health
from cgappliance.net.lobby import Lobby
from cgappliance.net.places import Places
from cgappliance.net.relay import End
from cgappliance.net.sessions import Sessions
from cgappliance.net.surroundings import House, Surroundings, Timeouts, Uses
from cgappliance.net.tracing import Traces
from cgappliance.policy.pace import RefusalPace
from cgappliance.secret import Secret
from cgappliance.session.ports import Standing

from .conftest import bare

IMAP = MailProtocol.IMAP
PORT = 10993
ADDRESS, PASSWORD = "yuki@acme.example", "right"
LOGIN = f"a1 LOGIN {ADDRESS} {PASSWORD}\r\n".encode()


def tenant(**changes):
    listen = Listen("acme.cloudgate.example", ("127.0.0.1",), {IMAP: PORT}, Path("a.crt"), Path("a.key"))
    made = Tenant(
        id="acme",
        name="ACME",
        edition="light",
        domains=frozenset({"acme.example"}),
        listen=listen,
        auth=PluginChoice("fake"),
        google=PluginChoice("fake"),
        upstream=Upstream({IMAP: HostPort("localhost", 993)}),
        timezone=ZoneInfo("Asia/Tokyo"),
        language="ja",
        fingerprint="first",
    )
    return replace(made, **changes)


class FakeBackend:
    """Knows one password."""

    def __init__(self):
        self.answer = None
        self.asked = 0

    def authenticate(self, credentials, timeout_s):
        self.asked += 1
        if callable(self.answer):
            return self.answer()
        right = credentials.password == Secret(PASSWORD)
        return self.answer or AuthAnswer(Reason.ACCEPTED if right else Reason.WRONG_PASSWORD, identity="cn=yuki")


class FakeProvider:
    def __init__(self):
        self.answer = None

    def grant(self, address, protocol, *, fresh, timeout_s):
        if callable(self.answer):
            return self.answer()
        return Grant(GrantMechanism.XOAUTH2, address, Secret("token"))


class FakeGuard:
    """Always asks, and notes under which version of the settings."""

    def __init__(self):
        self.versions = []

    def authenticate(self, tenant, login, peer_ip, ask, timeout_s, *, version):
        self.versions.append(version)
        return ask()


class FakeRecorder:
    def __init__(self):
        self.logins, self.ends, self.failure = [], [], None

    def login(self, record):
        if self.failure and record.reason is Reason.ACCEPTED:
            raise LoginFailed(self.failure)
        self.logins.append(record)

    def ended(self, record, end):
        self.ends.append((record.session, end.end))

    def reasons(self):
        return [record.reason for record in self.logins]


class FakeGmail:
    """A dialer whose connections lead to a greenlet that lets everybody in and then echoes."""

    def __init__(self, tls_pair):
        self.tls = SimpleNamespace(server=HostPort("localhost", 993), remember=lambda tls: None)
        self._tls_pair = tls_pair
        self.dialled = 0
        self.received = []
        self.greeting, self.answer = b"* OK ready\r\n", b"A1 OK welcome\r\n"

    def connect(self):
        self.dialled += 1
        far, near = self._tls_pair()
        gevent.spawn(self._serve, far)
        return near

    def _serve(self, far):
        far.sendall(self.greeting)
        while data := far.recv():
            self.received.append(data)
            far.sendall(self.answer if b"AUTHENTICATE" in data else b"echo " + data)
        far.close()


class Stage:
    """``stage.connect()`` is a client; everything else can be looked at and changed."""

    def __init__(self, tls_pair, server_context, client_context):
        self.backend, self.provider, self.guard, self.recorder = FakeBackend(), FakeProvider(), FakeGuard(), FakeRecorder()
        self.gmail = FakeGmail(tls_pair)
        self.standing = Standing(Profile("office", frozenset(MailProtocol)))
        self.admission = Reason.ACCEPTED
        self._contexts = server_context, client_context
        counts = SharedCounts(1).part(0)
        sessions, places = Sessions(dict.fromkeys(MailProtocol, 2100.0)), Places(counts, 100)
        lobby = Lobby(counts, places, sessions, per_address=32, at_all=100, descriptors=10_000)
        self.house = House(lobby, Courtesy(counts), places, sessions, Traces())
        self.handler = self.make_handler()
        self._clients = []

    def make_handler(self, timeouts=None, **changes):
        """Return a handler for the tenant with ``changes``."""
        around = Surroundings(
            tenant=tenant(**changes),
            house=self.house,
            max_sessions=100,
            max_sessions_per_account=12,
            backend=self.backend,
            provider=self.provider,
            standing_of=lambda address: self.standing,
            guard=self.guard,
            admit=lambda address, identity: self.admission,
            recorder=self.recorder,
            pace=RefusalPace(0.0),
            timeouts=timeouts or Timeouts(directory_s=0.2, token_s=0.2, upstream_s=1.0),
            uses=Uses(),
            health=Health(),
        )
        return Handler(around, IMAP, self._contexts[0], self.gmail)

    def connect(self, handler=None, before_tls=b""):
        """Return a client's socket and the greenlet that serves it."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname(), timeout=5)
            far, address = listener.accept()
        serving = gevent.spawn(handler or self.handler, bare(far), address)
        if before_tls:
            near.sendall(before_tls)
        client = self._contexts[1].wrap_socket(near, server_hostname="localhost")
        self._clients.append(client)
        return client, serving

    def log_in(self, said=LOGIN, **arguments):
        """Return a client and what it was told after its login."""
        client, serving = self.connect(**arguments)
        read_until(client, b"\r\n")
        client.sendall(said)
        told = read_until(client, b"\r\n")
        return client, serving, told

    def close(self):
        for client in self._clients:
            client.close()
        for session in self.house.sessions:
            session.relay.end(End.CLOSED)
        self.house.sessions.stop()


def read_until(client, wanted):
    data = b""
    while wanted not in data:
        part = client.recv(4096)
        if not part:
            break
        data += part
    return data
