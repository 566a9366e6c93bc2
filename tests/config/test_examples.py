"""The annotated files that ship: they load, so do their optional lines, and they show every setting there is."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cgappliance.config.load import load
from cgappliance.config.schema_appliance import APPLIANCE
from cgappliance.config.schema_tenant import TENANT
from cgappliance.config.values import Config, Settings
from cgappliance.model import MailProtocol, Tenant
from cgappliance.plugins import Kinds, discover

from .kit import authority, told, write_pair, write_private

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "conf.d").glob("*.toml"))
ETC = "/etc/cgappliance"


def with_options(text: str) -> str:
    """Return an annotated file with its optional lines switched on: those that begin with # and a key or table."""
    return re.sub(r"^#(?=[a-z0-9_]+ = |\[)", "", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    return discover()


@pytest.fixture(scope="module")
def account_key() -> str:
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fields = {
        "client_email": "a@b.example",
        "client_id": "1",
        "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({"type": "service_account", "private_key": key, **fields})


def install(root: Path, account_key: str, texts: dict[str, str]) -> Path:
    """Put tenant files, and what they name, under ``root`` instead of /etc/cgappliance; return the settings file."""
    for name in ("conf.d", "tls", "secrets"):
        (root / name).mkdir(exist_ok=True)
    for name, text in texts.items():
        write_pair(root / "tls", f"{name}.cloudgate.example", stem=name)
        authority().cert_pem.write_to_path(str(root / f"tls/{name}-ca.pem"))
        for account in ("bind", "manager"):
            write_private(root / f"secrets/{name}-{account}", "password\n")
        write_private(root / f"secrets/{name}-google.json", account_key)
        (root / f"conf.d/{name}.toml").write_text(text.replace(ETC, str(root)))
    path = root / "cgappliance.toml"
    path.write_text("")
    return path


def load_examples(root: Path, kinds: Kinds, account_key: str, *, options: bool) -> Config:
    texts = {path.stem: with_options(path.read_text()) if options else path.read_text() for path in EXAMPLES}
    return load(install(root, account_key, texts), kinds)


@pytest.mark.parametrize("options", [False, True])
def test_examples_load_as_they_are_and_with_all_options(tmp_path: Path, kinds: Kinds, account_key: str, options: bool):
    config = load_examples(tmp_path, kinds, account_key, options=options)
    assert told(config.problems) == []
    assert set(config.tenants) == {path.stem for path in EXAMPLES}


def test_there_is_one_example_for_each_edition(tmp_path: Path, kinds: Kinds, account_key: str):
    tenants = load_examples(tmp_path, kinds, account_key, options=False).tenants
    assert {tenant.edition: tenant.auth.name for tenant in tenants.values()} == {"sso": "active-directory", "light": "openldap"}
    assert tenants["blossom"].listen.ports.keys() == {MailProtocol.IMAP, MailProtocol.SMTP}
    assert tenants["acme"].default_profile == "office"


def test_optional_lines_show_the_default_unless_they_say_otherwise(tmp_path: Path, kinds: Kinds, account_key: str):
    def look(tenant: Tenant) -> dict[str, Any]:
        return {
            "": tenant.timezone,
            "lang": tenant.language,
            **tenant.auth.settings,
            **tenant.google.settings,
            "up": tenant.upstream.servers,
        }

    plain = look(load_examples(tmp_path, kinds, account_key, options=False).tenants["acme"])
    full = look(load_examples(tmp_path, kinds, account_key, options=True).tenants["acme"])
    assert {key for key in plain if plain[key] != full[key]} == {"admin", "ca_file", "required_group"}


def test_examples_show_every_setting(kinds: Kinds):
    shown = [tomllib.loads(with_options(path.read_text())) for path in EXAMPLES]
    wanted = {(table.name.removesuffix(".*"), key) for table in TENANT for key in table.names()}
    wanted |= {("auth", setting.key) for name in ("active-directory", "openldap") for setting in kinds.backends[name].settings}
    wanted |= {("google", setting.key) for setting in kinds.providers["service-account"].settings}
    found = {("", key) for data in shown for key, value in data.items() if not isinstance(value, dict)}
    found |= {(name, key) for data in shown for name, table in data.items() if isinstance(table, dict) for key in table}
    found |= {("profiles", key) for data in shown for profile in data["profiles"].values() for key in profile}
    assert wanted - found == set()


def settings_of(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "conf.d").mkdir(exist_ok=True)
    path = tmp_path / "cgappliance.toml"
    path.write_text(text)
    return load(path, Kinds()).settings


def test_appliance_file_that_ships_sets_nothing_and_shows_every_default(tmp_path: Path):
    text = (ROOT / "packaging/cgappliance.toml").read_text()
    assert tomllib.loads(text) == {}
    write_pair(tmp_path, "site.example", stem="web")
    write_pair(tmp_path, "signing.example", stem="profiles")
    shown = with_options(text).replace(f"{ETC}/tls", str(tmp_path))
    assert replace(settings_of(tmp_path, shown), web=None, metrics=None) == settings_of(tmp_path, "")
    assert settings_of(tmp_path, shown).metrics == settings_of(tmp_path, "[metrics]").metrics
    web = settings_of(tmp_path, shown).web
    assert web is not None
    pairs = dict.fromkeys(("certificate", "private_key", "profile_certificate", "profile_private_key"))
    assert replace(web, **pairs) == settings_of(tmp_path, "[web]").web


def test_appliance_file_that_ships_shows_every_setting():
    shown = tomllib.loads(with_options((ROOT / "packaging/cgappliance.toml").read_text()))
    for table in APPLIANCE:
        assert set(table.names()) <= (shown[table.name] if table.name else shown).keys()


@pytest.mark.parametrize("path", [*EXAMPLES, ROOT / "packaging/cgappliance.toml"], ids=lambda path: path.name)
def test_lines_fit_a_wide_terminal(path: Path):
    assert max(map(len, path.read_text().splitlines())) <= 140
