"""One tenant at work in one process: its plugins' objects, its TLS contexts, its handlers, its listeners."""

from __future__ import annotations

import _socket
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import gevent

from cgappliance import log
from cgappliance.errors import PluginError
from cgappliance.model import MailProtocol, Reason, Tenant
from cgappliance.net.handler import Handler
from cgappliance.net.health import Health
from cgappliance.net.listener import Listener
from cgappliance.net.surroundings import House, Surroundings, Timeouts, Uses
from cgappliance.plugin_api import TenantContext
from cgappliance.plugins import BROKEN, Kinds
from cgappliance.policy.pace import RefusalPace
from cgappliance.secret import Secret
from cgappliance.server.contexts import Contexts
from cgappliance.server.sockets import Endpoint
from cgappliance.session.ports import Guard, Standing
from cgappliance.session.record import Recorder

_log = log.get()

Made = TypeVar("Made")

PLUGIN_CALL_TIMEOUT_S: Final = 5.0  #: ``make``, ``start`` and ``stop`` may not wait for the network; this is for those that do


@dataclass(frozen=True, slots=True)
class Shared:
    """What all tenants of a process use together."""

    house: House
    recorder: Recorder
    guard: Guard
    admit: Callable[[Tenant, str, str], Reason]  #: by mail address and identity; may block; raises LoginFailed
    standing_of: Callable[[Tenant, str], Standing]  #: by mail address; must not block
    credentials_of: Callable[[str, str, str], Sequence[Secret]]  #: by tenant's id, kind and mail address; raises LoginFailed
    gmail_took: Callable[[str, str, Secret], None]  #: by tenant's id and mail address, a password that works; must not block
    contexts: Contexts = field(default_factory=Contexts)


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """What else is the same for all tenants, unless their files say otherwise."""

    refusal_delay_s: float
    warm_connections: int  #: kept ready for each protocol, at most
    sessions_per_tenant: int
    sessions_per_account: int


class TenantService:
    """A tenant that can serve. Making one reads its certificate and makes its plugins' objects; nothing listens yet."""

    def __init__(self, tenant: Tenant, kinds: Kinds, *, shared: Shared, timeouts: Timeouts, limits: TenantLimits) -> None:
        """Make ready to serve ``tenant``.

        Raises:
            PluginError: a plugin could not make or start its object.
            OSError, ssl.SSLError: a certificate could not be read (``config`` has checked it a moment ago).
        """
        self.tenant = tenant
        self._warm_connections = limits.warm_connections
        auth = TenantContext(tenant.id, tenant.domains, tenant.auth.settings)
        self.backend = _call(lambda: kinds.backends[tenant.auth.name].make(auth), "auth", tenant)
        kept = partial(shared.credentials_of, tenant.id)
        google = TenantContext(tenant.id, tenant.domains, tenant.google.settings, kept)
        self.provider = _call(lambda: kinds.providers[tenant.google.name].make(google), "google", tenant)
        self.health = Health()
        around = Surroundings(
            tenant=tenant,
            house=shared.house,
            max_sessions=tenant.max_sessions or limits.sessions_per_tenant,
            max_sessions_per_account=tenant.max_sessions_per_account or limits.sessions_per_account,
            backend=self.backend,
            provider=self.provider,
            standing_of=partial(shared.standing_of, tenant),
            guard=shared.guard,
            admit=partial(shared.admit, tenant),
            recorder=shared.recorder,
            pace=RefusalPace(limits.refusal_delay_s),
            timeouts=timeouts,
            uses=Uses(),
            health=self.health,
            gmail_took=partial(shared.gmail_took, tenant.id),
        )
        self._around = around
        self.handlers = {protocol: self._handler(around, protocol, shared.contexts) for protocol in tenant.listen.ports}
        self._listeners: dict[Endpoint, Listener] = {}
        _call(self.backend.start, "auth", tenant)
        try:
            _call(self.provider.start, "google", tenant)
        except PluginError:
            with contextlib.suppress(PluginError):  # the first failure is the one to tell
                _call(self.backend.stop, "auth", tenant)
            raise

    @property
    def timeouts(self) -> Timeouts:
        """How long its waits may last."""
        return self._around.timeouts

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Surround a use of its plugins' objects that is no login: they are not stopped meanwhile."""
        self._around.uses.enter()
        try:
            yield
        finally:
            self._around.uses.leave()

    def _handler(self, around: Surroundings, protocol: MailProtocol, contexts: Contexts) -> Handler:
        listen, upstream = self.tenant.listen, self.tenant.upstream
        dialer = contexts.dialer(upstream.servers[protocol], upstream.ca_file, around.timeouts.upstream_s)
        context = contexts.server(listen.certificate, listen.private_key, protocol)
        return Handler(around, protocol, context, dialer, self._warm_connections)

    def listen(self, sockets: Mapping[Endpoint, _socket.socket]) -> int:
        """Serve those of ``sockets`` that are this tenant's and not served yet; return how many. Does not block.

        An endpoint that is missing was not bound, or comes with the next reload: a file can change while it is being read.
        """
        before = len(self._listeners)
        for protocol, port in self.tenant.listen.ports.items():
            for address in self.tenant.listen.addresses:
                sock = sockets.get((address, port))
                if sock is not None and (address, port) not in self._listeners:
                    name = f"{self.tenant.id}/{protocol.value}"
                    house = self._around.house
                    listener = Listener(name, sock, self.handlers[protocol], house.lobby, house.courtesy)
                    listener.start()
                    self._listeners[address, port] = listener
        return len(self._listeners) - before

    @property
    def endpoints(self) -> frozenset[Endpoint]:
        """Where it listens now."""
        return frozenset(self._listeners)

    def leave(self, gone: Iterable[Endpoint]) -> None:
        """Listen no more at those of ``gone`` where it does. Does not block."""
        for endpoint in self.endpoints.intersection(gone):
            self._listeners.pop(endpoint).close()

    def take_over(self, older: TenantService, sockets: Mapping[Endpoint, _socket.socket]) -> None:
        """Serve in the place of ``older``: its clients that have not logged in yet do so by this tenant file. Does not block."""
        older.stop_listening()
        self.health.adopt(older.health)
        self.listen(sockets)
        for protocol, handler in older.handlers.items():
            if protocol in self.handlers:
                handler.replace_by(self.handlers[protocol])
            else:
                handler.waiting.dismiss()

    def stop_listening(self) -> None:
        """Accept no more. Sessions, and clients that are there already, go on."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        for handler in self.handlers.values():
            handler.warm.close()

    def dismiss(self) -> None:
        """Send clients away that have not logged in. Does not block."""
        for handler in self.handlers.values():
            handler.waiting.dismiss()

    def retire(self) -> None:
        """Stop the plugins' objects after the last login that uses them. Blocks for at most the time-outs of one login."""
        timeouts = self._around.timeouts
        self._around.uses.none.wait(timeouts.directory_s + timeouts.token_s + timeouts.upstream_s)
        for table, stop in (("auth", self.backend.stop), ("google", self.provider.stop)):
            try:
                _call(stop, table, self.tenant)
            except PluginError as error:
                _log.error("plugin.failed", tenant=self.tenant.id, detail=str(error))


def _call(method: Callable[[], Made], table: str, tenant: Tenant) -> Made:
    """Call ``make``, ``start`` or ``stop`` of a plugin; whatever it does, it is this tenant's problem alone.

    Raises:
        PluginError: it raised, or did not return in time.
    """
    name = tenant.auth.name if table == "auth" else tenant.google.name
    try:
        with gevent.Timeout(PLUGIN_CALL_TIMEOUT_S):
            return method()
    except gevent.Timeout:
        raise PluginError(f"{tenant.id}: {table} plugin {name!r}: no return within {PLUGIN_CALL_TIMEOUT_S:g} s") from None
    except BROKEN as error:
        raise PluginError(f"{tenant.id}: {table} plugin {name!r}: {type(error).__name__}: {error}") from error
