"""Asks the directories, every few minutes, whether those who are connected may still be: withdrawn there means closed here.

New logins of somebody who was disabled end with what is remembered of the password (``store/login_guard.py``); this ends the
sessions that were open already, within the same time. A directory that cannot be asked withdraws nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Final

import gevent

from cgappliance import log
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.net.relay import End
from cgappliance.plugin_api import TenantContext
from cgappliance.plugins import BROKEN, Kinds
from cgappliance.proto.events import Farewell
from cgappliance.proto.replies import farewell
from cgappliance.server.appliance import Appliance

_log = log.get()

PAUSE_S: Final = 0.01  #: between two accounts: a hundred questions a second are nothing to a directory
ANSWER_TIMEOUT_S: Final = 10.0  #: for one account's answer; after that the tenant waits for the next round


class Vigil:
    """One worker's watch over its live sessions."""

    def __init__(self, appliance: Appliance, kinds: Kinds, every_s: float) -> None:
        """Look every ``every_s`` seconds, once ``run`` is called."""
        self._appliance = appliance
        self._kinds = kinds
        self._every_s = every_s

    def run(self) -> None:
        """Look for ever. Blocks."""
        while True:
            gevent.sleep(self._every_s)
            self.look()

    def look(self) -> int:
        """Ask for everybody who is connected, end the sessions of those who are gone or disabled, and return how many these were.

        Blocks for the directories; raises nothing.
        """
        connected: dict[str, set[str]] = {}
        for session in self._appliance.sessions:
            connected.setdefault(session.record.tenant, set()).add(session.record.address)
        tenants = self._appliance.tenants
        return sum(self._look_at(tenants[name], addresses) for name, addresses in connected.items() if name in tenants)

    def _look_at(self, tenant: Tenant, addresses: Iterable[str]) -> int:
        make = self._kinds.backends[tenant.auth.name].directory
        if make is None:  # a backend that cannot be asked without a password
            return 0
        ended = 0
        try:
            with contextlib.closing(make(TenantContext(tenant.id, tenant.domains, tenant.auth.settings))) as directory:
                for address in sorted(addresses):
                    with gevent.Timeout(ANSWER_TIMEOUT_S):
                        entry = directory.find(address)
                    if entry is None or entry.disabled:
                        ended += self._end(
                            tenant, address, "gone from the directory" if entry is None else "disabled in the directory"
                        )
                    gevent.sleep(PAUSE_S)
        except (CgapplianceError, OSError, gevent.Timeout) as error:
            _log.debug("vigil.failed", tenant=tenant.id, detail=str(error))  # who logs in next will see it, and say so
        except BROKEN as error:  # a plugin
            _log.error("plugin.failed", tenant=tenant.id, table="auth", detail=type(error).__name__)
        return ended

    def _end(self, tenant: Tenant, address: str, why: str) -> int:
        ended = self._appliance.sessions.end_where(
            lambda session: session.record.tenant == tenant.id and session.record.address == address,
            End.KICKED,
            why,
            lambda session: farewell(session.record.protocol, Farewell.SHUTDOWN),
        )
        _log.info("vigil.ended", tenant=tenant.id, login=address, sessions=ended, detail=why)
        return ended
