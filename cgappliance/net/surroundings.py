"""What the connections of a tenant find around them: its settings, its plugins' objects, and the rooms that all tenants share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from gevent.event import Event

from cgappliance.model import Reason, Tenant
from cgappliance.net.courtesy import Courtesy
from cgappliance.net.health import Health
from cgappliance.net.lobby import Lobby
from cgappliance.net.places import Places
from cgappliance.net.sessions import Sessions
from cgappliance.net.tracing import Traces
from cgappliance.plugin_api import AuthBackend, CredentialProvider
from cgappliance.policy.pace import RefusalPace
from cgappliance.secret import Secret
from cgappliance.session.ports import Guard, Standing, nothing_to_settle
from cgappliance.session.record import Recorder


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of a connection may take, in seconds."""

    handshake_s: float = 10.0
    command_s: float = 60.0  #: between two things that a client says before login
    login_s: float = 180.0  #: from the handshake to a successful login, time spent by others not counted
    directory_s: float = 10.0
    token_s: float = 10.0
    upstream_s: float = 30.0


class Uses:
    """Counts the logins that are using a tenant's plugins; ``none`` is set while there are none."""

    __slots__ = ("_count", "none")

    def __init__(self) -> None:
        self._count = 0
        self.none = Event()
        self.none.set()

    def enter(self) -> None:
        """Begin a use."""
        self._count += 1
        self.none.clear()

    def leave(self) -> None:
        """End a use."""
        self._count -= 1
        if not self._count:
            self.none.set()


def connection_ids() -> Iterator[str]:
    """Return names for the connections of this process, which no other gives. To be called in it, not before it is forked."""
    process = os.urandom(4).hex()
    return (f"{process}-{number:x}" for number in count(1))


@dataclass(frozen=True, slots=True)
class House:
    """What the connections of all tenants of a process share: who is in, and how many may be."""

    lobby: Lobby
    courtesy: Courtesy
    places: Places
    sessions: Sessions
    traces: Traces
    connection_ids: Iterator[str] = field(default_factory=connection_ids)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all listeners of one tenant share; replaced as a whole when the tenant's file changes."""

    tenant: Tenant
    house: House
    max_sessions: int
    max_sessions_per_account: int
    backend: AuthBackend
    provider: CredentialProvider
    standing_of: Callable[[str], Standing]  #: by mail address; must not block
    guard: Guard
    admit: Callable[[str, str], Reason]  #: mail address and identity of an accepted login; ACCEPTED or NO_SEAT; may block
    recorder: Recorder
    pace: RefusalPace
    timeouts: Timeouts
    uses: Uses
    health: Health
    gmail_took: Callable[[str, Secret], None] = nothing_to_settle  #: mail address and password; must not block
