"""The configuration of the lab's Dovecot, in the two languages that Debian's versions speak: 2.3 (Debian 12) and 2.4 (Debian 13).

This file is text and its filling in; ``dovecot.py`` runs the server.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An account of the mail server."""

    address: str
    password: str  #: what Gmail would call an app password


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens."""

    imaps: int
    pop3s: int
    lmtp: int
    sasl: int  #: Dovecot's own authentication protocol, for Postfix


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration depends on."""

    folder: Path
    user: str  #: every process runs as this user; nothing is chrooted
    group: str
    host: str
    ports: Ports
    introspection_url: str  #: RFC 7662 endpoint that says whose a token is; "": no tokens


#: the same in both versions
COMMON = """\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = lab
log_path = {folder}/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S.%{{usecs}} "
listen = {host}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
ssl = required
ssl_min_protocol = TLSv1.2
login_greeting = Gimap ready for requests
auth_failure_delay = 0
auth_cache_size = 0
mail_max_userip_connections = 15
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "[Gmail]/All Mail" {{
    special_use = \\All
    auto = subscribe
  }}
  mailbox "[Gmail]/Sent Mail" {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox "[Gmail]/Drafts" {{
    special_use = \\Drafts
    auto = subscribe
  }}
  mailbox "[Gmail]/Spam" {{
    special_use = \\Junk
    auto = subscribe
  }}
  mailbox "[Gmail]/Trash" {{
    special_use = \\Trash
    auto = subscribe
  }}
}}
service imap-login {{
  chroot =
  client_limit = 2000
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {ports.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  client_limit = 2000
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {ports.pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  chroot =
  user = {user}
  inet_listener lmtp {{
    port = {ports.lmtp}
  }}
}}
service anvil {{
  chroot =
  client_limit = 10000
  # without it each refused login from our one address is answered later than the one before
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  client_limit = 10000
  inet_listener sasl {{
    port = {ports.sasl}
  }}
}}
"""

VERSION_2_3 = """\
protocols = imap pop3 lmtp
mail_home = {folder}/mail/%Lu
mail_location = maildir:~/Maildir
ssl_cert = <{folder}/server.crt
ssl_key = <{folder}/server.key
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
auth_username_format = %Lu
service imap-login {{
  service_count = 0
}}
service pop3-login {{
  service_count = 0
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = username_format=%u {folder}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/passwd
  default_fields = uid={user} gid={group} home={folder}/mail/%Lu
}}
"""

TOKENS_2_3 = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""

OAUTH2_FILE_2_3 = """\
introspection_mode = post
introspection_url = {introspection_url}
username_attribute = email
active_attribute = active
active_value = true
timeout_msecs = 3000
"""

VERSION_2_4 = """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap pop3 lmtp
mail_home = {folder}/mail/%{{user | lower}}
mail_driver = maildir
mail_path = ~/Maildir
ssl_server_cert_file = {folder}/server.crt
ssl_server_key_file = {folder}/server.key
auth_allow_cleartext = no
auth_mechanisms = {mechanisms}
auth_username_format = %{{user | lower}}
service imap-login {{
  restart_request_count = unlimited
}}
service pop3-login {{
  restart_request_count = unlimited
}}
passdb passwd-file {{
  mechanisms_filter = plain login
  passwd_file_path = {folder}/passwd
}}
userdb passwd-file {{
  passwd_file_path = {folder}/passwd
  fields {{
    uid:default = {user}
    gid:default = {group}
    home:default = {folder}/mail/%{{user | lower}}
  }}
}}
"""

TOKENS_2_4 = """\
oauth2 {{
  introspection_mode = post
  introspection_url = {introspection_url}
  username_attribute = email
  active_attribute = active
  active_value = true
}}
"""


def files(version: str, wanted: Wanted, mailboxes: Iterable[Mailbox]) -> dict[str, str]:
    """Return the configuration files of this version of Dovecot ("2.3.19.1"), by name."""
    new = version.startswith("2.4")
    tokens = (TOKENS_2_4 if new else TOKENS_2_3) if wanted.introspection_url else ""
    template = (VERSION_2_4 if new else VERSION_2_3) + tokens + COMMON
    made = {"dovecot.conf": _fill(template, wanted), "passwd": "".join(_passwd_line(mailbox) for mailbox in mailboxes)}
    if tokens and not new:
        made["oauth2.conf"] = _fill(OAUTH2_FILE_2_3, wanted)
    return made


def _fill(template: str, wanted: Wanted) -> str:
    return template.format(
        folder=wanted.folder,
        user=wanted.user,
        group=wanted.group,
        host=wanted.host,
        ports=wanted.ports,
        introspection_url=wanted.introspection_url,
        mechanisms="plain login xoauth2 oauthbearer" if wanted.introspection_url else "plain login",
    )


def _passwd_line(mailbox: Mailbox) -> str:
    """Return an account's line: base64, because a colon would end the password; all fields, because a userdb wants them."""
    password = base64.b64encode(mailbox.password.encode()).decode()
    return f"{mailbox.address.lower()}:{{PLAIN.b64}}{password}::::::\n"
