"""The site with two tenants, for tests: a real store, a directory and a mail service that a test can shape."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cgappliance.admin import outside
from cgappliance.admin.desk import Actor, Desk
from cgappliance.admin.own_password import OwnPasswords
from cgappliance.admin.sign_in import Entrance
from cgappliance.config import Settings
from cgappliance.config.load import load
from cgappliance.model import AdminSite, AuthAnswer, Credentials, PluginChoice, Reason, Tenant
from cgappliance.plugin_api import BackendKind, ProviderKind, TenantContext
from cgappliance.plugins import Kinds
from cgappliance.store import keyfile, web_sessions
from cgappliance.store.administrators import Role
from cgappliance.store.engine import Store
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.memory import PolicyMemory
from cgappliance.store.vault import Vault
from cgappliance.store.web_sessions import NewSession, Site, Source
from cgappliance.web.app import create_app
from cgappliance.web.services import Services
from tests.policy.factories import profile, tenant

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # Tuesday noon in Tokyo
PROVIDERS = ("fake", "service-account", "app-password")
ADMINISTRATORS_GROUP, AUDITORS_GROUP = "cn=admins", "cn=auditors"


class Directory:
    """Passwords and groups of a directory; a backend for each required group."""

    def __init__(self) -> None:
        self.passwords = {"yuki@acme.example": "yuki's password", "taro@acme.example": "taro's password"}
        self.groups = {ADMINISTRATORS_GROUP: {"yuki@acme.example"}, AUDITORS_GROUP: {"taro@acme.example"}}
        self.down = False
        self.binds: list[str] = []

    def kind(self) -> BackendKind:
        return BackendKind("fake", lambda context: _Backend(self, context))


@dataclass
class _Backend:
    directory: Directory
    context: TenantContext

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def authenticate(self, credentials: Credentials, timeout_s: float) -> AuthAnswer:
        if self.directory.down:
            return AuthAnswer(Reason.DIRECTORY_UNAVAILABLE)
        if credentials.address not in self.directory.groups.get(self.context.settings["required_group"], set()):
            return AuthAnswer(Reason.NOT_IN_GROUP)
        self.directory.binds.append(credentials.address)
        right = self.directory.passwords.get(credentials.address) == credentials.password.reveal()
        return AuthAnswer(Reason.ACCEPTED if right else Reason.WRONG_PASSWORD)


class Appliance:
    """The running appliance, as the control socket shows it."""

    def __init__(self) -> None:
        self.sessions: list[dict[str, Any]] = []
        self.kicked: list[str] = []
        self.health: dict[str, Any] = {}  # of acme

    def add(self, account: str, tenant: str = "acme", session: str = "s-1", ip: str = "203.0.113.5") -> None:
        moved = {"seconds": 90.0, "idle_s": 3.0, "bytes_up": 1200, "bytes_down": 3_400_000}
        row = {"session": session, "tenant": tenant, "account": account, "protocol": "imap", "peer": ip, "client": "Thunderbird"}
        self.sessions.append({**row, **moved})

    def ask(self, command: str, **where: str) -> Any:
        if command == "status":
            return {"health": {"acme": self.health}}
        found = [row for row in self.sessions if all(row[name] == value for name, value in where.items())]
        if command == "sessions":
            return found
        self.kicked += [row["session"] for row in found]
        return len(found)


@dataclass
class TestSite:
    """The application and all that stands behind it."""

    __test__ = False

    store: Store
    vault: Vault
    services: Services
    client: FlaskClient
    directory: Directory
    appliance: Appliance
    now: list[datetime] = field(default_factory=lambda: [NOW])

    def enter(self, role: Role = Role.ADMINISTRATOR, tenant: str = "acme", subject: str = "hana") -> None:
        """Have the browser logged in, without the form."""
        new = NewSession(tenant, Site.ADMIN, subject, Source.LOCAL, role, ipaddress.ip_address("127.0.0.1"))
        with self.store.write() as connection:
            token = web_sessions.begin(connection, new, self.now[0])
        self.client.set_cookie(f"__Host-cg-admin-{tenant}", token.reveal(), secure=True, path="/", samesite="Strict")

    def enter_user(self, subject: str, tenant: str = "acme") -> None:
        """Have the browser logged in to the users' pages, without the form."""
        new = NewSession(tenant, Site.USER, subject, Source.DIRECTORY, "", ipaddress.ip_address("127.0.0.1"))
        with self.store.write() as connection:
            token = web_sessions.begin(connection, new, self.now[0])
        self.client.set_cookie(f"__Host-cg-user-{tenant}", token.reveal(), secure=True, path="/", samesite="Strict")

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url="https://localhost", **options)

    def post(self, path: str, data: Mapping[str, Any] | None = None, *, form: str | None = None, **options: Any) -> TestResponse:
        """Send a form, with the code that the page ``form`` has for it."""
        page = self.get(form or "/acme/admin/login").text
        found = re.search(r'name="form_code" value="([0-9a-f]+)"', page)
        code = found[1] if found else ""
        return self.client.post(path, base_url="https://localhost", data={"form_code": code, **(data or {})}, **options)

    def desk(self) -> Desk:
        return Desk(self.store, Actor("test", "test"), lambda: self.now[0])

    def set_tenant(self, **changes: Any) -> None:
        changed = replace(self.services.tenants["acme"], fingerprint=str(changes), **changes)
        self.services.tenants = {**self.services.tenants, "acme": changed}


def text_of(response: TestResponse) -> str:
    """Return what a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def settings_in(folder: Path) -> Settings:
    (folder / "conf.d").mkdir()
    (folder / "cgappliance.toml").write_text('conf_d = "conf.d"\n[limits]\nrefusal_delay_s = 0\n[web]\n')
    return load(folder / "cgappliance.toml", Kinds()).settings


def tenants(folder: Path) -> dict[str, Tenant]:
    choice = PluginChoice("fake", MappingProxyType({"required_group": ""}))
    site = AdminSite(administrators_group=ADMINISTRATORS_GROUP, auditors_group=AUDITORS_GROUP)
    acme = tenant(auth=choice, admin_site=site, profiles={"office": profile("203.0.113.0/24")}, default_profile="office", seats=10)
    globex = replace(acme, id="globex", name="Globex", domains=frozenset({"globex.example"}), fingerprint="globex")
    return {"acme": acme, "globex": globex}


def _no_provider(_context: TenantContext) -> NoReturn:
    raise AssertionError("no page gets a mail client's credential")


def make_site(store: Store, folder: Path, memory: PolicyMemory, lockouts: SharedLockouts) -> TestSite:
    keyfile.create(folder / "store.key", NOW)
    vault = Vault(folder / "store.key")
    settings, directory, appliance, now = settings_in(folder), Directory(), Appliance(), [NOW]
    assert settings.web is not None

    def clock() -> float:
        return now[0].timestamp()

    guard = LoginGuard(lockouts, memory, b"key", clock, clock)
    kinds = Kinds({"fake": directory.kind()}, {name: ProviderKind(name, _no_provider) for name in PROVIDERS})
    entrance = Entrance(store, vault, kinds, guard, timeout_s=5, now=lambda: now[0])
    own = OwnPasswords(store, kinds, guard, timeout_s=5)
    services = Services(
        settings,
        settings.web,
        store,
        vault,
        entrance,
        own,
        appliance.ask,
        kinds,
        partial(outside.google_of, kinds),
        b"form key",
        tenants(folder),
        lambda: now[0],
    )
    app = create_app(services)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return TestSite(store, vault, services, app.test_client(), directory, appliance, now)
