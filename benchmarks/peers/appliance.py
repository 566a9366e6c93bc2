"""This appliance, as ``cgappliance serve`` runs it: policy, history, directory, credential provider, log and all."""

from __future__ import annotations

import json
import random
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.harness.lab import HOST_NAME, Lab, address, domain
from benchmarks.harness.loadgen import LoadFailed, Target
from benchmarks.harness.scale import Scale
from benchmarks.peers.base import ProxyPeer
from cgappliance.testing.lab.process import HIGHEST_FREE_PORT, LOWEST_FREE_PORT, ServerFailed, clean_environment
from cgappliance.testing.lab.slapd import Slapd

ROOT = Path(__file__).parents[2]
BLOCK_TRIES = 200
OFFSETS = {"imap": 0, "pop3": 1, "smtp": 2}  #: a tenant's three ports lie side by side

SETTINGS = """
conf_d   = "{folder}/conf.d"
store    = "sqlite:///{folder}/cgappliance.db"
key_file = "{folder}/store.key"
run_dir  = "{folder}/run"
workers  = {workers}
drain_timeout_s = 1

[limits]
sessions_per_tenant = 10000  # the default is what the benchmark holds idle; logins beside them must not be refused
"""

TENANT = """
name    = "Tenant {number}"
edition = "light"
domains = ["{domain}"]

[listen]
hostname    = "{host}"
addresses   = ["127.0.0.1"]
imaps       = {imap}
pop3s       = {pop3}
smtps       = {smtp}
certificate = "{certificate}"
private_key = "{key}"

[auth]
servers            = ["{ldap}"]
base_dn            = "{base_dn}"
bind_dn            = "{bind_dn}"
bind_password_file = "{folder}/bind-password"
ca_file            = "{ca}"

[google]
{google}

[upstream]
imaps   = "127.0.0.1:{upstream_imap}"
pop3s   = "127.0.0.1:{upstream_pop3}"
smtps   = "127.0.0.1:{upstream_smtp}"
ca_file = "{ca}"

[policy]
default_profile = "office"

[profiles.office]
mail_access = ["imap", "pop3", "smtp"]
remote_ips  = ["127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one appliance differs from the usual one."""

    tenants: int = 1
    workers: int = 1
    cores: tuple[int, ...] = ()  #: empty: the proxy's
    directory: Slapd | None = None  #: None: the lab's
    upstream_ports: dict[str, int] = field(default_factory=dict)  #: by protocol; absent: the lab's
    token_url: str = ""  #: "": the lab's


class Appliance(ProxyPeer):
    """One worker, one tenant, default settings."""

    name: ClassVar[str] = "appliance"
    about: ClassVar[str] = "this appliance with one worker and default settings: policy, history, directory, tokens, log"
    usual: ClassVar[Shape] = Shape()

    def __init__(self, lab: Lab, shape: Shape | None = None, label: str = "") -> None:
        """Choose ports. ``label`` tells several appliances of one benchmark apart."""
        self.shape = shape or self.usual
        super().__init__(lab, label)
        base = free_block(self.shape.tenants * len(OFFSETS))
        self.ports = {protocol: base + offset for protocol, offset in OFFSETS.items()}
        self._log_at_start = 0

    def upstream_port(self, protocol: str) -> int:
        """Return where it finds the mail."""
        return self.shape.upstream_ports.get(protocol) or self.lab.upstream.ports[f"{protocol}:tls"]

    def configure(self) -> None:
        """Write settings, secrets and one file per tenant."""
        (self.folder / "conf.d").mkdir(exist_ok=True)
        (self.folder / "cgappliance.toml").write_text(SETTINGS.format(folder=self.folder, workers=self.shape.workers))
        directory = self.shape.directory or self.lab.slapd
        _secret(self.folder / "bind-password", directory.bind_password)
        if not (self.folder / "service-account.json").exists():
            _secret(self.folder / "service-account.json", service_account(self.shape.token_url or self.lab.upstream.token_url))
        for number in range(self.shape.tenants):
            (self.folder / "conf.d" / f"t{number:03d}.toml").write_text(self.tenant_file(number))

    def tenant_file(self, number: int) -> str:
        """Return the text of one tenant's file."""
        directory, pair = self.shape.directory or self.lab.slapd, self.lab.certificate
        ports = {protocol: port + number * len(OFFSETS) for protocol, port in self.ports.items()}
        return TENANT.format(
            number=number,
            domain=domain(number),
            host=HOST_NAME,
            certificate=pair.certificate,
            key=pair.private_key,
            ldap=directory.ldaps_url,
            base_dn=directory.base_dn,
            bind_dn=directory.bind_dn,
            folder=self.folder,
            ca=self.lab.ca_file,
            google=self.google(),
            **ports,
            **{f"upstream_{protocol}": self.upstream_port(protocol) for protocol in OFFSETS},
        )

    def cores(self) -> tuple[int, ...]:
        """Return the cores that it may use."""
        return self.shape.cores or super().cores()

    def google(self) -> str:
        """Return the tenants' [google] table."""
        return f'service_account_file = "{self.folder}/service-account.json"\nadmin = "api-admin@bench.test"'

    def argv(self) -> list[str]:
        """Run ``serve``."""
        return [sys.executable, "-m", "cgappliance", "--config", str(self.folder / "cgappliance.toml"), "serve"]

    def environment(self) -> dict[str, str]:
        """Find the appliance of this tree, not the one that is installed: it runs in a folder of its own."""
        return clean_environment(PYTHONPATH=str(ROOT))

    def start(self) -> None:
        """Run it; returns when it says that it is ready."""
        self._log_at_start = len(self.log_text())
        super().start()

    def log_text(self) -> str:
        """Return what it has logged."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def ready(self) -> bool:
        """Whether it serves."""
        return "event=ready" in self.log_text()[self._log_at_start :]

    def target(self, protocol: str, users: int, first_user: int = 0) -> Target:
        """Return where its first tenant listens, and how far apart the others."""
        shape = self.shape
        return Target(protocol, self.ports[protocol], self.lab.ca_file, users, first_user, shape.tenants, len(OFFSETS))


class ApplianceBind(Appliance):
    """What Dovecot does without its cache: nothing is remembered from one login to the next.

    The appliance remembers a right password for some minutes, without a setting for it. So each login is one of an account that
    has not logged in since the start. Such accounts have no access token either: app passwords do instead, as with Dovecot.
    """

    name = "appliance-bind"
    about = "the same with a directory search and bind, an app password and a full upstream handshake for each login"
    unfit: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("imap-noop", "imap-idle", "download", "upload"), "as for appliance"),
        **dict.fromkeys(("imap-login-16-resumed", "pop3", "smtp"), "accounts that have not logged in are few: IMAP has them"),
    }

    def __init__(self, lab: Lab) -> None:
        """All accounts are unused."""
        super().__init__(lab)
        self._used = 0

    def upstream_port(self, protocol: str) -> int:
        """Return the upstream that gives out no TLS tickets."""
        return self.lab.upstream.ports[f"{protocol}:tls-no-tickets"]

    def google(self) -> str:
        """Return the [google] table for app passwords from a file."""
        return f'provider = "app-password"\npasswords_file = "{self.folder}/passwords.toml"'

    def configure(self) -> None:
        """Write the password of every account, too."""
        super().configure()
        lines = (f'"{address(user)}" = "app-{address(user)}"\n' for user in range(self.lab.accounts))
        _secret(self.folder / "passwords.toml", "".join(lines))

    def get_acquainted(self, log_in: Callable[[range], None], scale: Scale) -> None:
        """Let every account log in once, so that the store knows it, and forget what is remembered in memory by a new start."""
        log_in(range(scale.accounts))
        self.stop()
        self.start()

    def accounts_for_logins(self, scale: Scale) -> range:
        """Return accounts that have not logged in since the start.

        Raises:
            LoadFailed: there are no more.
        """
        first = scale.users + self._used
        self._used += scale.block
        if first + scale.block > self.lab.accounts:
            raise LoadFailed("all accounts have logged in since the start: the scale holds too few")
        return range(first, first + scale.block)


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def service_account(token_url: str) -> str:
    """Return a key file as Google writes it, with a new key of Google's size and the benchmark's token endpoint."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "bench@bench.iam.gserviceaccount.com",
            "client_id": "100000000000000000000",
            "private_key_id": "bench",
            "private_key": pem.decode(),
            "token_uri": token_url,
        }
    )


def free_block(count: int) -> int:
    """Return the first of ``count`` ports in a row that nobody listens on."""
    for _ in range(BLOCK_TRIES):
        base = random.randint(LOWEST_FREE_PORT, HIGHEST_FREE_PORT - count)
        if all(_free(port) for port in range(base, base + count)):
            return base
    raise ServerFailed(f"no {count} free ports in a row")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
