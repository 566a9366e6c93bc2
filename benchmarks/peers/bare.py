"""The yardstick: a relay in gevent without a product around it (``benchmarks/bare_relay.py``)."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.peers.base import ALL_PROTOCOLS, ProxyPeer
from cgappliance.testing.lab.process import clean_environment

ROOT = Path(__file__).parents[2]


class BareRelay(ProxyPeer):
    """TLS in and out; logs nobody in."""

    name = "bare-relay"
    about = "a gevent TLS relay of 200 lines with nothing around it: how far Python could go; logs nobody in"

    def configure(self) -> None:
        """Nothing: all is on the command line."""

    def argv(self) -> list[str]:
        """Run in the foreground."""
        pair, upstream = self.lab.certificate, self.lab.upstream.ports
        options = ["--certificate", str(pair.certificate), "--key", str(pair.private_key), "--ca", str(self.lab.ca_file)]
        ports = [f"{self.ports[protocol]}:{upstream[f'{protocol}:tls']}" for protocol in ALL_PROTOCOLS]
        return [sys.executable, "-m", "benchmarks.bare_relay", *options, *ports]

    def environment(self) -> dict[str, str]:
        """Find the benchmark's modules."""
        return clean_environment(PYTHONPATH=str(ROOT))
