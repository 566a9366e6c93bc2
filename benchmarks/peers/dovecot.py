"""Dovecot 2.3 as an authenticating proxy in its high-performance mode: the nearest thing to this appliance."""

from __future__ import annotations

from benchmarks.peers.base import ProxyPeer

CONFIGURATION = """
protocols = imap pop3 submission
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_ca = <{ca}
ssl_require_crl = no
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = {cache}
auth_cache_ttl = 1 hour
mail_max_userip_connections = 0
passdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service imap-login {{
  {login}
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service pop3-login {{
  {login}
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3}
    ssl = yes
  }}
}}
service submission-login {{
  {login}
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = {smtp}
    ssl = yes
  }}
}}
service anvil {{
  client_limit = 20000
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  client_limit = 20000
}}
hostname = mail.bench.test
postmaster_address = postmaster@bench.test
submission_relay_host = 127.0.0.1
"""

#: One process for all connections: Dovecot's guide to high performance (login processes), as far as one core goes.
HIGH_PERFORMANCE = """chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 1
  client_limit = 15000
  vsz_limit = 2G"""

LDAP = """
uris = {uri}
dn = {bind_dn}
dnpass = {bind_password}
tls_ca_cert_file = {ca}
tls_require_cert = demand
ldap_version = 3
base = {base}
scope = subtree
auth_bind = yes
pass_filter = (mail=%u)
pass_attrs = =user=%u, =proxy=y, =host=mail.bench.test, =hostip=127.0.0.1, =port={port}, =ssl=yes, =pass=app-%u
"""


class Dovecot(ProxyPeer):
    """Search and bind at the directory for each login."""

    name = "dovecot"
    about = "Dovecot 2.3 proxy, one login process, directory search and bind for each login, full upstream handshake"
    cache = "0"

    def configure(self) -> None:
        """Write the server's and the directory lookup's configuration."""
        pair, slapd, ports = self.lab.certificate, self.lab.slapd, self.lab.upstream.ports
        (self.folder / "dovecot.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                certificate=pair.certificate,
                key=pair.private_key,
                ca=self.lab.ca_file,
                cache=self.cache,
                login=HIGH_PERFORMANCE,
                **self.ports,
            )
        )
        pop3_or_smtp = rf"%{{if\;%s\;eq\;pop3\;{ports['pop3:tls']}\;{ports['smtp:tls']}}}"
        port = f"%{{if;%s;eq;imap;{ports['imap:tls']};{pop3_or_smtp}}}"
        lookup = LDAP.format(
            uri=slapd.ldaps_url,
            bind_dn=slapd.bind_dn,
            bind_password=slapd.bind_password,
            ca=self.lab.ca_file,
            base=slapd.base_dn,
            port=port,
        )
        (self.folder / "ldap.conf").touch(mode=0o600)
        (self.folder / "ldap.conf").write_text(lookup)

    def argv(self) -> list[str]:
        """Run in the foreground."""
        return ["/usr/sbin/dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]


class DovecotCached(Dovecot):
    """The directory's answers are remembered for an hour."""

    name = "dovecot-cached"
    about = "the same with its authentication cache, warm"
    cache = "64M"
