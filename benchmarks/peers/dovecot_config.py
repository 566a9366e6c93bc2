"""The benchmark's Dovecot in the two languages that Debian's versions speak: 2.3 (Debian 12) and 2.4 (Debian 13).

Both say the same: proxy after a search and a bind at the directory, certificates verified on all sides.
"""

from __future__ import annotations

from typing import Final

VERSION_2_3: Final = """
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_ca = <{ca}
ssl_require_crl = no
passdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
"""

#: One process for all connections: Dovecot's guide to high performance (login processes), as far as one core goes.
LOGIN_2_3: Final = """chroot =
  service_count = 0
  process_min_avail = 1
  process_limit = 1
  client_limit = 15000
  vsz_limit = 2G"""

LDAP_FILE_2_3: Final = """
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

#: 2.4.1 checks the directory's certificate, but by ssl_client_ca_file only for STARTTLS: libldap has to be told by its environment.
VERSION_2_4: Final = """dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
ssl_client_ca_file = {ca}
ssl_client_require_valid_cert = yes
import_environment {{
  LDAPTLS_CACERT = {ca}
}}
ldap_uris = {uri}
ldap_auth_dn = {bind_dn}
ldap_auth_dn_password = {bind_password}
ldap_base = {base}
ldap_scope = subtree
passdb ldap {{
  bind = yes
  filter = (mail=%{{user}})
  fields {{
    user = %{{user}}
    proxy = yes
    host = mail.bench.test
    hostip = 127.0.0.1
    port = {upstream_smtp}
    ssl = yes
    pass = app-%{{user}}
  }}
}}
protocol imap {{
  passdb ldap {{
    fields {{
      port = {upstream_imap}
    }}
  }}
}}
protocol pop3 {{
  passdb ldap {{
    fields {{
      port = {upstream_pop3}
    }}
  }}
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = /nonexistent
  }}
}}
"""

LOGIN_2_4: Final = LOGIN_2_3.replace("service_count = 0", "restart_request_count = unlimited")

#: The processes of one protocol, which nobody may use without TLS.
LOGIN_SERVICE: Final = """service {name}-login {{
  {login}
  inet_listener {name} {{
    port = 0
  }}
  inet_listener {name}s {{
    port = {port}
    ssl = yes
  }}
}}
"""
SERVICES: Final = {"imap": "imap", "pop3": "pop3", "submission": "smtp"}  #: and our name of the protocol

COMMON: Final = """protocols = imap pop3 submission
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
ssl = required
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = {cache}
auth_cache_ttl = 1 hour
mail_max_userip_connections = 0
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


def files(version: str, values: dict[str, object]) -> dict[str, str]:
    """Return the configuration files of this version of Dovecot ("2.3.19.1"), by name; ``values`` fill the gaps."""
    old = version.startswith("2.3")
    login = LOGIN_2_3 if old else LOGIN_2_4
    services = "".join(LOGIN_SERVICE.format(name=name, login=login, port=values[port]) for name, port in SERVICES.items())
    common = COMMON.format(**values) + services
    if not old:
        return {"dovecot.conf": VERSION_2_4.format(**values) + common}
    pop3_or_smtp = rf"%{{if\;%s\;eq\;pop3\;{values['upstream_pop3']}\;{values['upstream_smtp']}}}"
    port = f"%{{if;%s;eq;imap;{values['upstream_imap']};{pop3_or_smtp}}}"
    return {"dovecot.conf": common + VERSION_2_3.format(**values), "ldap.conf": LDAP_FILE_2_3.format(port=port, **values)}
