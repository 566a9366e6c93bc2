"""Tenants with fake plugins, real certificates and real sockets, for tests of what a worker does with them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from cgappliance.config import Config, Settings
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
from cgappliance.net.lobby import Lobby
from cgappliance.net.places import Places
from cgappliance.net.sessions import Sessions
from cgappliance.net.surroundings import House
from cgappliance.net.tracing import Traces
from cgappliance.plugin_api import BackendKind, ProviderKind
from cgappliance.plugins import Kinds
from cgappliance.secret import Secret
from cgappliance.server.tenant_service import Shared
from cgappliance.session.ports import Standing
from cgappliance.testing.lab.process import free_port

IMAP, POP3 = MailProtocol.IMAP, MailProtocol.POP3
OFFICE = Profile("office", frozenset(MailProtocol))


def tenant(pair, name="acme", ports=None, **changes):
    """Return a tenant that listens on free ports; ``pair`` is its certificate."""
    ports = ports or {IMAP: free_port()}
    made = Tenant(
        id=name,
        name=name.upper(),
        edition="light",
        domains=frozenset({f"{name}.example"}),
        listen=Listen("localhost", ("127.0.0.1",), ports, pair.certificate, pair.private_key),
        auth=PluginChoice("fake"),
        google=PluginChoice("fake"),
        upstream=Upstream(dict.fromkeys(MailProtocol, HostPort("localhost", 993)), ca_file=None),
        timezone=ZoneInfo("Asia/Tokyo"),
        language="ja",
        default_profile="office",
        profiles={"office": OFFICE},
        fingerprint=f"{name} {sorted(ports.values())}",
    )
    return replace(made, **changes)


@dataclass
class Plugins:
    """Fake plugins that note what is done with them, and break when told: ``broken["start"] = RuntimeError()``."""

    calls: list[str] = field(default_factory=list)
    broken: dict[str, BaseException] = field(default_factory=dict)

    def kinds(self):
        return Kinds({"fake": BackendKind("fake", self._backend)}, {"fake": ProviderKind("fake", self._provider)})

    def note(self, call):
        self.calls.append(call)
        if call in self.broken:
            raise self.broken[call]

    def _backend(self, context):
        self.note(f"make backend of {context.tenant}")
        return _Plugin(self, "backend")

    def _provider(self, context):
        self.note(f"make provider of {context.tenant}")
        return _Plugin(self, "provider")


class _Plugin:
    def __init__(self, plugins, kind):
        self._plugins, self._kind = plugins, kind

    def start(self):
        self._plugins.note(f"start {self._kind}")

    def stop(self):
        self._plugins.note(f"stop {self._kind}")

    def authenticate(self, credentials, timeout_s):
        return AuthAnswer(Reason.ACCEPTED)

    def grant(self, address, protocol, *, fresh, timeout_s):
        return Grant(GrantMechanism.XOAUTH2, address, Secret("token"))


class Recorder:
    def login(self, record):
        pass

    def ended(self, record, end):
        pass


class Guard:
    def authenticate(self, tenant, login, peer_ip, ask, timeout_s, *, version):
        return ask()


def house():
    counts = SharedCounts(1).part(0)
    sessions, places = Sessions(dict.fromkeys(MailProtocol, 2100.0)), Places(counts, 100)
    return House(
        Lobby(counts, places, sessions, per_address=50, at_all=100, descriptors=10_000),
        Courtesy(counts),
        places,
        sessions,
        Traces(),
    )


def shared(house):
    return Shared(
        house=house,
        recorder=Recorder(),
        guard=Guard(),
        admit=lambda tenant, address, identity: Reason.ACCEPTED,
        standing_of=lambda tenant, address: Standing(tenant.profiles.get(tenant.default_profile)),
        credentials_of=lambda tenant, kind, address: (),
        gmail_took=lambda tenant, address, password: None,
    )


def config(settings, *tenants, broken=()):
    return Config(settings, {each.id: each for each in tenants}, dict.fromkeys(broken, ()))


def settings(folder: Path) -> Settings:
    """Return settings with the defaults."""
    from cgappliance.config.load import load_settings  # noqa: PLC0415 - it reads plugins' declarations at import

    path = folder / "cgappliance.toml"
    path.write_text(f'conf_d = "{folder}/conf.d"\nrun_dir = "{folder}/run"\n')
    (folder / "conf.d").mkdir()
    return load_settings(path)
