"""A folder as an operator has it (settings, tenant files, certificates, secrets), and kinds of plugin to name in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import trustme

from cgappliance.config.document import read_document
from cgappliance.config.files import NamedFiles
from cgappliance.config.problem import Problem
from cgappliance.config.reader import Reader
from cgappliance.plugin_api import BackendKind, Mistake, ProviderKind, Setting, SettingType, TenantContext
from cgappliance.plugins import Kinds

HOSTNAME = "acme.cloudgate.example"

TENANT = """\
name = "ACME Corporation"
edition = "sso"
domains = ["acme.example"]

[listen]
hostname = "acme.cloudgate.example"
imaps = 10993
certificate = "../tls/acme.crt"
private_key = "../tls/acme.key"

[auth]
servers = ["ldaps://dc1.acme.example"]
password_file = "../secrets/acme-bind"

[google]
key_file = "../secrets/acme-google.json"
"""


@cache
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def now() -> datetime:
    return datetime.now(UTC)


def write_pair(folder: Path, *names: str, expires: timedelta = timedelta(days=365), stem: str = "acme") -> tuple[Path, Path]:
    """Write a certificate chain and its key to ``acme.crt`` and ``acme.key``, or with another stem."""
    leaf = authority().issue_cert(*(names or (HOSTNAME,)), not_after=now() + expires, key_type=trustme.KeyType.ECDSA)
    certificate, key = folder / f"{stem}.crt", folder / f"{stem}.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    write_private(key, leaf.private_key_pem.bytes())
    return certificate, key


def write_private(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def check_servers(settings: Mapping[str, Any]) -> list[Mistake]:
    """What a directory plugin checks across its settings."""
    return [
        Mistake(
            f"servers[{index}]", f"scheme {url.partition(':')[0]!r} not allowed", "use ldaps:// or ldap:// with starttls = true"
        )
        for index, url in enumerate(settings["servers"])
        if not url.startswith("ldaps://") and not (url.startswith("ldap://") and settings["starttls"])
    ]


def make_nothing(_context: TenantContext) -> Any:
    raise AssertionError("reading a configuration makes no plugin objects")


BACKEND_SETTINGS = (
    Setting("servers", SettingType.STRINGS, "Servers to ask, in order."),
    Setting("password_file", SettingType.SECRET_FILE, "Password of the service account."),
    Setting("starttls", SettingType.BOOLEAN, "Whether to use StartTLS.", default=False),
)

KINDS = Kinds(
    backends={
        "active-directory": BackendKind("active-directory", make_nothing, BACKEND_SETTINGS, check_servers),
        "openldap": BackendKind("openldap", make_nothing, BACKEND_SETTINGS, check_servers),
        "plain": BackendKind("plain", make_nothing),
    },
    providers={
        "service-account": ProviderKind(
            "service-account", make_nothing, (Setting("key_file", SettingType.SECRET_FILE, "Key of the service account."),)
        ),
        "nothing": ProviderKind("nothing", make_nothing),
    },
)


class Place:
    """The folder; a test changes what it is about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conf_d = root / "conf.d"
        for name in ("conf.d", "tls", "secrets"):
            (root / name).mkdir()
        self.toml = root / "cgappliance.toml"
        self.toml.write_text('conf_d = "conf.d"\n')
        write_pair(root / "tls")
        write_private(root / "secrets/acme-bind", "bind-password\n")
        write_private(root / "secrets/acme-google.json", "{}\n")

    def tenant(self, name: str = "acme", *changes: tuple[str, str], age: int = 0) -> Path:
        """Write a tenant file: the good one with each (old, new) of the changes; ``age`` in seconds."""
        text = TENANT
        for old, new in changes:
            assert old in text, f"nothing to change: {old!r}"
            text = text.replace(old, new)
        return self.file(name, text, age)

    def file(self, name: str, text: str, age: int = 0) -> Path:
        path = self.conf_d / f"{name}.toml"
        path.write_text(text)
        saved = 1_800_000_000 - age
        os.utime(path, (saved, saved))
        return path


def read_text(folder: Path, text: str) -> Reader:
    """Return a reader of a file with this text."""
    path = folder / "some.toml"
    path.write_text(text)
    return Reader(read_document(path), NamedFiles(folder))


def told(problems: tuple[Problem, ...] | list[Problem]) -> list[str]:
    """Return problems as lines, with file names without their folder."""
    return [str(problem).removeprefix(f"{Path(problem.file).parent}/") for problem in problems]
