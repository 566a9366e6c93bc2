"""The web site's process: forked, watched and restarted like a worker, and told of reloads over the same kind of channel.

What the site shows is none of this room's business: it is handed in (``cli/serve.py``), for the web stands above the server. A
site that dies, hangs or cannot start leaves mail alone.
"""

from __future__ import annotations

import _socket
import gc
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import gevent

from cgappliance import greenlets, log
from cgappliance.config import Config
from cgappliance.config.load import follow
from cgappliance.config.values import WebSettings
from cgappliance.greenlets import spawn
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds
from cgappliance.server.channel import Channel, Message
from cgappliance.server.sockets import Endpoint

HEARTBEAT_S: Final = 1.0  #: how often the site says that its event loop turns
SITE: Final = -1  #: its number among the workers


class Site(Protocol):
    """The site, as this room sees it; ``web/process.py`` is the real one."""

    def start(self, tenants: Mapping[str, Tenant], sockets: Sequence[_socket.socket]) -> None:
        """Serve on listening sockets. Blocks for the database; raises what keeps it from starting."""
        ...

    def apply(self, tenants: Mapping[str, Tenant]) -> None:
        """Serve these tenants from now on. Does not block."""
        ...

    def stop(self, timeout_s: float) -> None:
        """Accept no more, and end after the requests that are under way. Blocks for ``timeout_s`` seconds at most."""
        ...


@dataclass(frozen=True, slots=True)
class SiteLife:
    """What a site is made from."""

    config: Config
    kinds: Kinds


MakeSite = Callable[[SiteLife], Site]


def endpoints(web: WebSettings | None) -> list[Endpoint]:
    """Return the addresses and ports of the site."""
    return [] if web is None else [(address, web.port) for address in web.addresses]


class SiteProcess:
    """The site's side of the channel."""

    def __init__(self, life: SiteLife, make: MakeSite, channel: Channel) -> None:
        """Make the site; nothing is served before ``run``."""
        self._life = life
        self._config = life.config
        self._site = make(life)
        self._channel = channel
        self._commands: dict[str, Callable[[Message], Any]] = {"reload": self._reload, "log": self._set_log}

    def run(self, sockets: Sequence[_socket.socket]) -> None:
        """Serve until the supervisor says ``drain`` or is gone. Blocks."""
        self._site.start(self._config.tenants, sockets)
        self._channel.send({"event": "ready", "tenants": {}})
        spawn("heartbeat", self._heartbeat)
        timeout_s = self._config.settings.drain_timeout_s
        while True:
            received = self._channel.receive()
            if received is None or received[0]["command"] == "drain":
                break
            spawn(f"command {received[0]['command']}", self._answer, received[0])
        self._site.stop(timeout_s)

    def _answer(self, message: Message) -> None:
        result = self._commands[message["command"]](message)
        self._channel.send({"event": "answer", "id": message["id"], "result": result})

    def _heartbeat(self) -> None:
        while True:
            self._channel.send({"event": "alive", "sessions": 0})
            gevent.sleep(HEARTBEAT_S)

    def _reload(self, message: Message) -> None:
        """Take the tenants as they are now; what is broken stays as it was, as at the workers."""
        on_line = self._config.tenants
        found = follow(self._config.settings, self._life.kinds, message["tenants"], message["broken"], on_line)
        kept = {name: tenant for name, tenant in on_line.items() if name in found.broken}
        self._config = Config(found.settings, {**kept, **found.tenants}, found.broken)
        self._site.apply(self._config.tenants)

    def _set_log(self, message: Message) -> None:
        log.configure(message["level"], self._config.settings.log.format)


def main(life: SiteLife, make: MakeSite, channel: Channel, sockets: Mapping[Endpoint, _socket.socket]) -> None:
    """Be the site in a process that was just forked; returns when it is done. Only the supervisor gives orders."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    greenlets.forked()
    gc.freeze()  # what the supervisor has loaded is never garbage
    own = endpoints(life.config.settings.web)
    for endpoint, sock in sockets.items():
        if endpoint not in own:
            sock.close()  # mail's listeners are the workers'
    SiteProcess(life, make, channel).run([sockets[endpoint] for endpoint in own if endpoint in sockets])
