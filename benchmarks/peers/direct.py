"""No proxy at all: the floor of every latency, and the proof that load generator and upstream can do more than any peer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from benchmarks.harness.loadgen import Target
from benchmarks.peers.base import Peer


class Direct(Peer):
    """The load generator talks to the upstream."""

    name = "direct"
    about = "no proxy: load generator to upstream; the floor of latency and the ceiling of the load side"
    unfit: ClassVar[Mapping[str, str]] = {"imap-idle": "nothing to measure"}

    def start(self) -> None:
        """Nothing to run."""

    def stop(self) -> None:
        """Nothing to end."""

    def target(self, protocol: str, users: int, first_user: int = 0) -> Target:
        """Return the upstream's own port."""
        return Target(protocol, self.lab.upstream.ports[f"{protocol}:tls"], self.lab.ca_file, users, first_user)
