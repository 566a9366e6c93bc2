"""Dovecot as an authenticating proxy in its high-performance mode: the nearest thing to this appliance."""

from __future__ import annotations

from benchmarks.peers.base import ProxyPeer
from benchmarks.peers.dovecot_config import files
from cgappliance.testing.lab.dovecot import version


class Dovecot(ProxyPeer):
    """Search and bind at the directory for each login."""

    name = "dovecot"
    about = "Dovecot proxy, one login process, directory search and bind for each login, full upstream handshake"
    cache = "0"

    def configure(self) -> None:
        """Write the server's and the directory lookup's configuration."""
        pair, slapd, upstream = self.lab.certificate, self.lab.slapd, self.lab.upstream.ports
        values: dict[str, object] = {
            "folder": self.folder,
            "certificate": pair.certificate,
            "key": pair.private_key,
            "ca": self.lab.ca_file,
            "cache": self.cache,
            "uri": slapd.ldaps_url,
            "bind_dn": slapd.bind_dn,
            "bind_password": slapd.bind_password,
            "base": slapd.base_dn,
            **self.ports,
            **{f"upstream_{protocol}": upstream[f"{protocol}:tls"] for protocol in self.ports},
        }
        for name, text in files(version(), values).items():
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(text)

    def argv(self) -> list[str]:
        """Run in the foreground."""
        return ["/usr/sbin/dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]


class DovecotCached(Dovecot):
    """The directory's answers are remembered for an hour."""

    name = "dovecot-cached"
    about = "the same with its authentication cache, warm"
    cache = "64M"
