"""The tenants at work in one worker process: start, reload one by one, drain. It never stops one tenant for another's sake."""

from __future__ import annotations

import _socket
import random
import ssl
from collections.abc import Collection, Container, Mapping
from datetime import UTC, datetime
from typing import Final

import gevent

from cgappliance import log
from cgappliance.config import Config
from cgappliance.config.values import Limits
from cgappliance.errors import PluginError
from cgappliance.greenlets import spawn
from cgappliance.model import Reason, Tenant
from cgappliance.net.relay import End
from cgappliance.net.sessions import Session
from cgappliance.net.surroundings import Timeouts
from cgappliance.plugins import Kinds
from cgappliance.policy.decide import decide
from cgappliance.proto.events import Farewell
from cgappliance.proto.replies import farewell
from cgappliance.server.sockets import Endpoint, endpoints
from cgappliance.server.tenant_service import Shared, TenantLimits, TenantService

_log = log.get()

JUDGED_AT_ONCE: Final = 100  #: sessions: two milliseconds, so nobody's command waits long while thousands are judged
DRAIN_POLL_S: Final = 0.2
GOODBYE_SPREAD_S: Final = 2.0  #: sessions that a drain ends go over this time, or all clients would come back at the same moment


class Appliance:
    """All tenants of one process."""

    def __init__(self, limits: Limits, kinds: Kinds, shared: Shared) -> None:
        """Make an appliance; ``apply`` brings its tenants on line."""
        self.kinds = kinds
        self._shared = shared
        self._limits = TenantLimits(
            limits.refusal_delay_s, limits.warm_connections, limits.sessions_per_tenant, limits.sessions_per_account
        )
        self._timeouts = Timeouts(
            handshake_s=limits.tls_handshake_timeout_s,
            command_s=limits.command_timeout_s,
            login_s=limits.login_timeout_s,
            directory_s=limits.directory_timeout_s,
            token_s=limits.token_timeout_s,
            upstream_s=limits.upstream_timeout_s,
        )
        self.sessions = shared.house.sessions
        self.sessions.start()
        self._services: dict[str, TenantService] = {}

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """The tenants on line, by id."""
        return {name: service.tenant for name, service in self._services.items()}

    @property
    def services(self) -> Mapping[str, TenantService]:
        """The tenants on line, at work, by id."""
        return self._services

    def apply(self, config: Config, sockets: Mapping[Endpoint, _socket.socket]) -> dict[str, str]:
        """Bring the tenants on line as ``config`` has them and return what happened to each: "added", "changed", ...

        A tenant whose file is broken stays as it is ("kept"); one that cannot be started is "failed: <why>". Does not wait for
        logins or sessions of any tenant.
        """
        done: dict[str, str] = {}
        for name, tenant in config.tenants.items():
            service = self._services.get(name)
            if service is not None and service.tenant.fingerprint == tenant.fingerprint:
                done[name] = "changed" if service.listen(sockets) else "unchanged"
            else:
                done[name] = self._put_on_line(tenant, sockets)
        for name in self._services.keys() - config.tenants.keys():
            if name in config.broken:
                done[name] = "kept"
            else:
                self._take_off_line(name)
                done[name] = "removed"
        self._leave_what_is_anothers(config)
        return done

    def _leave_what_is_anothers(self, config: Config) -> None:
        """Have each tenant that stayed as it was give up ports that its file no longer has, and another's has now."""
        owners = {endpoint: name for name, tenant in config.tenants.items() for endpoint in endpoints([tenant])}
        for name, service in self._services.items():
            service.leave([endpoint for endpoint in service.endpoints if owners.get(endpoint, name) != name])

    def leave(self, gone: Collection[Endpoint]) -> None:
        """Listen no more at ``gone``, whose sockets are about to be closed. Does not block."""
        for service in self._services.values():
            service.leave(gone)

    def _put_on_line(self, tenant: Tenant, sockets: Mapping[Endpoint, _socket.socket]) -> str:
        try:
            newer = TenantService(
                tenant,
                self.kinds,
                shared=self._shared,
                timeouts=self._timeouts,
                limits=self._limits,
            )
        except (PluginError, OSError, ssl.SSLError) as error:
            _log.error("tenant.failed", tenant=tenant.id, detail=str(error))
            return f"failed: {error}"
        older = self._services.get(tenant.id)
        self._services[tenant.id] = newer
        if older is None:
            newer.listen(sockets)
            _log.info("tenant.added", tenant=tenant.id)
            return "added"
        newer.take_over(older, sockets)
        ended = self.end_forbidden({tenant.id})
        spawn(f"{tenant.id}/retire", older.retire)
        _log.info("tenant.changed", tenant=tenant.id, sessions_ended=ended)
        return "changed"

    def end_forbidden(self, only: Container[str] | None = None) -> int:
        """End the sessions that tenant files, profiles, accounts or the time of day do not permit any more: withdrawn means closed.

        Blocks cooperatively for a moment: others get their turn after every ``JUDGED_AT_ONCE`` sessions.

        Args:
            only: ids of the tenants concerned; None: all.

        Returns:
            How many were ended.
        """
        ended = 0
        for number, session in enumerate(self.sessions, 1):
            if number % JUDGED_AT_ONCE == 0:
                gevent.sleep(0)
            if (only is None or session.record.tenant in only) and session.relay.running and self._is_forbidden(session):
                session.relay.end(End.KICKED, "no longer permitted", _bye(session))
                ended += 1
        return ended

    def _is_forbidden(self, session: Session) -> bool:
        record = session.record
        service = self._services.get(record.tenant)
        if service is None:  # it was removed, and its sessions with it
            return False
        standing = self._shared.standing_of(service.tenant, record.address)
        verdict = decide(
            service.tenant,
            standing.profile,
            record.address,
            record.protocol,
            peer_ip=record.peer.address,
            now=datetime.now(UTC),
            enabled=standing.enabled,
        )
        return verdict is not Reason.ACCEPTED or record.protocol not in service.tenant.listen.ports

    def _take_off_line(self, name: str) -> None:
        service = self._services.pop(name)
        service.stop_listening()
        service.dismiss()
        ended = self.sessions.end_where(lambda session: session.record.tenant == name, End.KICKED, "the tenant was removed", _bye)
        spawn(f"{name}/retire", service.retire)
        _log.info("tenant.removed", tenant=name, sessions_ended=ended)

    def stop_accepting(self) -> None:
        """Accept no more, and send away who has not logged in. Does not block; the listening sockets can be closed then."""
        for service in self._services.values():
            service.stop_listening()
            service.dismiss()

    def drain(self, timeout_s: float) -> None:
        """Accept no more, let sessions go for ``timeout_s`` seconds, then end them with their bye, spread over time. Blocks."""
        self.stop_accepting()
        with gevent.Timeout(timeout_s, False):
            while len(self.sessions):
                gevent.sleep(DRAIN_POLL_S)
        left = list(self.sessions)
        random.shuffle(left)
        for session in left:
            session.relay.end(End.SHUTDOWN, "the appliance is stopping", _bye(session))
            gevent.sleep(GOODBYE_SPREAD_S / len(left))
        gevent.joinall([spawn(f"{name}/retire", service.retire) for name, service in self._services.items()])
        self._services.clear()
        self.sessions.stop()


def _bye(session: Session) -> bytes:
    return farewell(session.record.protocol, Farewell.SHUTDOWN)
