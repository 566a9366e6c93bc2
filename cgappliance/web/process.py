"""The site as a process: opens what the pages need, serves listening sockets, follows reloads, ends; see ``server/site.py``."""

from __future__ import annotations

import _socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import gevent
from gevent.event import Event

from cgappliance import log
from cgappliance.admin import outside
from cgappliance.admin.appliance import ask_appliance
from cgappliance.admin.own_password import OwnPasswords
from cgappliance.admin.sign_in import Entrance
from cgappliance.config.values import Settings
from cgappliance.errors import ConfigurationError
from cgappliance.greenlets import spawn
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds
from cgappliance.store import web_sessions
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.memory import PolicyMemory
from cgappliance.store.vault import Vault
from cgappliance.web.app import create_app
from cgappliance.web.listener import Contexts, Server
from cgappliance.web.services import Services

_log = log.get()

SWEEP_EVERY_S: Final = 300.0  #: for sessions that are over
STOP_TIMEOUT_S: Final = 5.0  #: for requests under way, when the appliance stops: they are short


class WebSite:
    """The site of one appliance."""

    def __init__(self, settings: Settings, kinds: Kinds) -> None:
        """Open the store and make the application; nothing listens yet.

        Raises:
            ConfigurationError: the settings want no site.
            StoreError: store or key file cannot be used.
        """
        if settings.web is None:
            raise ConfigurationError("cgappliance.toml: there is no table [web]")
        self._web = settings.web
        self._store = Store.open(settings.store)
        self._memory = PolicyMemory(self._store)
        self._lockouts = SharedLockouts(self._store)
        vault = Vault(settings.key_file)
        guard = LoginGuard(self._lockouts, self._memory, vault.derived_key("password digests"))
        self._services = Services(
            settings=settings,
            web=settings.web,
            store=self._store,
            vault=vault,
            entrance=None,  # type: ignore[arg-type]  # set below: it shares the clock
            own=OwnPasswords(self._store, kinds, guard, timeout_s=settings.limits.directory_timeout_s),
            ask=partial(ask_appliance, settings.run_dir),
            kinds=kinds,
            google=partial(outside.google_of, kinds),
            form_key=vault.derived_key("web forms"),
        )
        self._services.entrance = Entrance(
            self._store, vault, kinds, guard, timeout_s=settings.limits.directory_timeout_s, now=self._services.now
        )
        self._contexts: Contexts | None = None
        self._servers: list[Server] = []
        self._stopping = Event()

    def start(self, tenants: Mapping[str, Tenant], sockets: Sequence[_socket.socket]) -> None:
        """Serve ``tenants`` on ``sockets``. Blocks for the database.

        Raises:
            StoreUnavailable: it cannot be asked.
        """
        self._memory.start()
        self._lockouts.start()
        self._services.tenants = tenants
        self._contexts = Contexts(self._web, tenants) if self._web.tls else None
        app = create_app(self._services)
        for sock in sockets:
            server = Server(sock, app, self._contexts, self._web.trusted_proxies)
            server.start()
            self._servers.append(server)
        spawn("web/sweep", self._sweep)
        _log.info("web.ready", listeners=len(self._servers), port=self._web.port, tls=self._web.tls)

    def apply(self, tenants: Mapping[str, Tenant]) -> None:
        """Serve these tenants from now on: a tenant that went has no pages any more."""
        self._services.tenants = tenants
        self._services.entrance.forget(tenants)
        self._services.own.forget(tenants)
        self._services.keep_tasks(tenants)
        if self._contexts is not None:
            self._contexts.apply(tenants)

    def stop(self, timeout_s: float) -> None:
        """Accept no more, and end after the requests under way. Blocks for seconds."""
        self._stopping.set()
        gevent.joinall([gevent.spawn(server.stop, min(timeout_s, STOP_TIMEOUT_S)) for server in self._servers])
        self._services.entrance.forget({})
        self._services.own.forget({})
        self._services.keep_tasks({})
        self._lockouts.stop(STOP_TIMEOUT_S)
        self._memory.stop()
        self._store.close()

    def _sweep(self) -> None:
        """Remove sessions that are over, now and then."""
        while not self._stopping.wait(SWEEP_EVERY_S):
            try:
                with self._store.write() as connection:
                    web_sessions.sweep(connection, self._services.lifetime, self._services.now())
            except StoreUnavailable as error:
                _log.error("store.unavailable", queue="web sweep", detail=str(error))
