"""Checks the TOML of the documents as ``cgappliance check`` would.

A part of a tenant file is put into a whole one, and the files that it names are made.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import tomli_w
import trustme
from cgappliance_google import password_file
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cgappliance.config.load import inspect
from cgappliance.config.schema_tenant import BACKEND_OF_EDITION, DEFAULT_PROVIDER
from cgappliance.plugins import Kinds, discover
from tests.documents import ROOT, Block

#: What a fragment that shows one table is put into.
BASE = """
name = "ACME Corporation"
edition = "sso"
domains = ["acme.example"]

[listen]
hostname = "acme.cloudgate.example"
imaps = 10993
certificate = "/etc/cgappliance/tls/acme.crt"
private_key = "/etc/cgappliance/tls/acme.key"

[auth]
servers = ["ldaps://dc1.acme.example"]
base_dn = "DC=acme,DC=example"
bind_dn = "CN=cgappliance,DC=acme,DC=example"
bind_password_file = "/etc/cgappliance/secrets/acme-bind"

[google]
service_account_file = "/etc/cgappliance/secrets/acme-google.json"
"""
USERS = "yuki@acme.example $argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"


@cache
def kinds() -> Kinds:
    """Return the installed plugins and the example for plugin authors, which is not installed."""
    sys.path.insert(0, str(ROOT / "plugins/cgappliance-plugin-example"))
    return discover([import_module("cgappliance_example")])


def problems(block: Block, folder: Path) -> list[str]:
    """Return what is wrong with a block of TOML, by its caption: a tenant file, the settings, or a file of passwords."""
    if block.caption == "passwords":
        path = write(folder / "passwords", block.text)
        return [text for text in [password_file.check(path)] if text]
    if block.caption == "cgappliance.toml":
        return check(folder, settings=block.text, tenant="")
    if block.caption.startswith("conf.d/") or block.page.suffix == ".md":
        return check(folder, settings="", tenant=tomli_w.dumps(completed(tomllib.loads(block.text))))
    return [f"a caption that says which file this is: conf.d/..., cgappliance.toml or passwords; not {block.caption!r}"]


def completed(fragment: dict[str, Any]) -> dict[str, Any]:
    """Return a whole tenant file with the fragment's keys; keys of another backend or provider than its own are dropped."""
    if "name" in fragment:
        return fragment
    whole = tomllib.loads(BASE)
    for key, value in fragment.items():
        whole[key] = {**whole.get(key, {}), **value} if isinstance(value, dict) else value
    chosen = {
        "auth": ("backend", kinds().backends, BACKEND_OF_EDITION[whole["edition"]]),
        "google": ("provider", kinds().providers, DEFAULT_PROVIDER),
    }
    for table, (chooser, known, default) in chosen.items():
        declared = {chooser, *(setting.key for setting in known[whole[table].get(chooser, default)].settings)}
        whole[table] = {k: v for k, v in whole[table].items() if k in declared or k in fragment.get(table, {})}
    return whole


def check(folder: Path, *, settings: str, tenant: str) -> list[str]:
    """Return what ``cgappliance check`` says of the settings and one tenant; all that it names is made below ``folder``."""
    (folder / "conf.d").mkdir()
    settings, tenant = (text.replace("/etc/cgappliance", str(folder)).replace("../", f"{folder}/") for text in (settings, tenant))
    for text in (settings, tenant):
        make_files(tomllib.loads(text), folder)
    path = write(folder / "cgappliance.toml", settings)
    if tenant:
        write(folder / "conf.d/acme.toml", tenant)
    return [str(problem).removeprefix(f"{folder}/") for problem in inspect(path, kinds()).problems]


def make_files(tables: Mapping[str, Any], folder: Path) -> None:
    """Make the files that a tenant file or the settings name, each with a content that is good for its key."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    hostname = tables.get("listen", {}).get("hostname", "mail.example.org")
    leaf = authority.issue_cert(hostname, key_type=trustme.KeyType.ECDSA)
    contents = {
        "certificate": leaf.cert_chain_pems[0].bytes().decode(),
        "private_key": leaf.private_key_pem.bytes().decode(),
        "ca_file": authority.cert_pem.bytes().decode(),
        "bind_password_file": "secret",
        "manager_password_file": "secret",
        "password_file": "long enough",
        "service_account_file": account_key(),
        "users_file": USERS,
        "passwords_file": '"yuki@acme.example" = "abcd efgh ijkl mnop"\n',
    }
    for table in (value for value in tables.values() if isinstance(value, dict)):
        for key, value in table.items():
            if key in contents and Path(value).is_relative_to(folder):
                write(Path(value), contents[key])


@cache
def account_key() -> str:
    """Return the key file of a service account."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    names = {"client_email": "a@b.example", "client_id": "1", "private_key_id": "1"}
    uri = "https://oauth2.googleapis.com/token"
    return json.dumps({"type": "service_account", "private_key": key, "token_uri": uri, **names})


def write(path: Path, text: str) -> Path:
    """Write a file that others cannot read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path
