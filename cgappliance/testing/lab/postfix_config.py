"""The configuration of the lab's Postfix: submission over TLS, SASL by Dovecot, delivery back into Dovecot.

This file is text and its filling in; ``postfix.py`` runs the server. It reads the same in Postfix 3.7 (Debian 12) and 3.10
(Debian 13).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration depends on."""

    folder: Path
    host: str
    port: int
    hostname: str
    addresses: tuple[str, ...]  #: whose mail is delivered
    lmtp_port: int  #: Dovecot's
    sasl_port: int  #: Dovecot's


MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = {hostname}
smtpd_banner = $myhostname ESMTP lab - gsmtp
# nothing is asked of the DNS, nobody is made to wait, nobody is counted: the tests would only see their own delays
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
# what Gmail says in EHLO, as far as Postfix has it
message_size_limit = 35882577
virtual_mailbox_limit = 0
disable_vrfy_command = yes
smtpd_discard_ehlo_keywords = etrn, dsn, silent-discard
# mail for the mailboxes goes to Dovecot, all other is refused: nothing leaves the machine
mydestination =
mynetworks =
local_recipient_maps =
relay_domains =
alias_maps =
alias_database =
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = inline:{{ {recipients} }}
virtual_transport = lmtp:inet:{host}:{lmtp_port}
default_transport = error:5.7.1 the lab sends no mail
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unauth_destination
# TLS and login before anything else
smtpd_tls_cert_file = {folder}/server.crt
smtpd_tls_key_file = {folder}/server.key
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{host}:{sasl_port}
smtpd_sasl_tls_security_options = noanonymous
"""

#: Postfix's standard services, none in a chroot; (service, type, wake-up time, most processes, program)
SERVICES = (
    ("pickup", "unix", "60", "1", "pickup"),
    ("cleanup", "unix", "-", "0", "cleanup"),
    ("qmgr", "unix", "300", "1", "qmgr"),
    ("tlsmgr", "unix", "1000?", "1", "tlsmgr"),
    ("rewrite", "unix", "-", "-", "trivial-rewrite"),
    ("bounce", "unix", "-", "0", "bounce"),
    ("defer", "unix", "-", "0", "bounce"),
    ("trace", "unix", "-", "0", "bounce"),
    ("verify", "unix", "-", "1", "verify"),
    ("flush", "unix", "1000?", "0", "flush"),
    ("proxymap", "unix", "-", "-", "proxymap"),
    ("error", "unix", "-", "-", "error"),
    ("retry", "unix", "-", "-", "error"),
    ("discard", "unix", "-", "-", "discard"),
    ("lmtp", "unix", "-", "-", "lmtp"),
    ("anvil", "unix", "-", "1", "anvil"),
    ("scache", "unix", "-", "1", "scache"),
    ("postlog", "unix-dgram", "-", "1", "postlogd"),
)

#: reachable by who may hand in mail; the others are Postfix's own
PUBLIC_SERVICES = frozenset({"pickup", "cleanup", "qmgr", "flush", "postlog"})


def files(wanted: Wanted) -> dict[str, str]:
    """Return the configuration files by name."""
    domains = sorted({address.rpartition("@")[2] for address in wanted.addresses})
    main = MAIN_CF.format(
        folder=wanted.folder,
        host=wanted.host,
        hostname=wanted.hostname,
        domains=", ".join(domains),
        recipients=", ".join(f"{address}=mailbox" for address in wanted.addresses),
        lmtp_port=wanted.lmtp_port,
        sasl_port=wanted.sasl_port,
    )
    return {"main.cf": main, "master.cf": "\n".join(_services(wanted.port)) + "\n"}


def _services(port: int) -> Iterable[str]:
    yield f"{port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt"
    for name, kind, wake_up, most, program in SERVICES:
        private = "n" if name in PUBLIC_SERVICES else "-"
        yield f"{name} {kind} {private} - n {wake_up} {most} {program}"
