"""HAProxy as a pure TLS relay: nobody is logged in by it. The limit of what C does with the same bytes."""

from __future__ import annotations

from benchmarks.harness.lab import HOST_NAME
from benchmarks.peers.base import ALL_PROTOCOLS, ProxyPeer

CONFIGURATION = """
global
    nbthread 1
    maxconn {connections}
    ssl-default-bind-options ssl-min-ver TLSv1.3
    ssl-default-server-options ssl-min-ver TLSv1.3
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
"""

PROTOCOL = """
frontend {protocol}
    bind 127.0.0.1:{port} ssl crt {pem}
    default_backend {protocol}
backend {protocol}
    server upstream 127.0.0.1:{upstream} ssl verify required ca-file {ca} sni str({name}) verifyhost {name}{options}
"""


class HAProxy(ProxyPeer):
    """TLS in, TLS out, upstream TLS sessions resumed (its default)."""

    name = "haproxy"
    about = "HAProxy, TLS in and out in tcp mode, upstream resumption on; logs nobody in, checks no password"
    server_options = ""

    def configure(self) -> None:
        """Write one front and back end per protocol."""
        pair, pem = self.lab.certificate, self.folder / "peer.pem"
        pem.touch(mode=0o600)
        pem.write_text(pair.certificate.read_text() + pair.private_key.read_text())
        parts = [
            PROTOCOL.format(
                protocol=protocol,
                port=self.ports[protocol],
                pem=pem,
                upstream=self.lab.upstream.ports[f"{protocol}:tls"],
                ca=self.lab.ca_file,
                name=HOST_NAME,
                options=self.server_options,
            )
            for protocol in ALL_PROTOCOLS
        ]
        connections = self.open_files() // 2 - 100  # two sockets each, and some for itself
        (self.folder / "haproxy.cfg").write_text(CONFIGURATION.format(connections=connections) + "".join(parts))

    def argv(self) -> list[str]:
        """Run in the foreground as one process."""
        return ["/usr/sbin/haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")]


class HAProxyFull(HAProxy):
    """The same with a full handshake for every upstream connection."""

    name = "haproxy-full"
    about = "the same with a full upstream handshake for each connection"
    server_options = " no-ssl-reuse"
