"""The keys of ``cgappliance.toml``, each declared once."""

from __future__ import annotations

from typing import Final

from cgappliance.config.networks import parse_address
from cgappliance.config.problem import Unfit
from cgappliance.config.schema import Table
from cgappliance.config.setting import Setting, SettingType
from cgappliance.config.store_url import problem_of_store
from cgappliance.model import HostPort

MAX_WORKERS: Final = 256  #: beyond any machine that this runs on; a slip of the pen must not start thousands of processes
MAX_NODE_NAME: Final = 64  #: a column of the history
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMATS: Final = ("text", "json")


def _node(name: str) -> str | None:
    if len(name) > MAX_NODE_NAME or not name.isprintable():
        return f"cannot be a node's name (at most {MAX_NODE_NAME} printable characters)"
    return None


def _own_address(text: str) -> str | None:
    try:
        parse_address(text)
    except Unfit as unfit:
        return f"{unfit.problem} (write an address of this machine; 0.0.0.0 and :: are all of them)"
    return None


def _mail_address(text: str) -> str | None:
    local, _, domain = text.rpartition("@")
    if not local or not domain or not text.isascii() or not text.isprintable() or " " in text:
        return f"{text!r} is not a mail address (write one like operator@example.org)"
    return None


TOP: Final = Table(
    "",
    "The appliance as a whole.",
    (
        Setting(
            "conf_d",
            SettingType.STRING,
            "Folder of the tenant files; a relative path starts at the folder of this file.",
            default="conf.d",
        ),
        Setting(
            "store",
            SettingType.STRING,
            "Database of accounts, profiles, credentials and history, as an SQLAlchemy URL.",
            default="sqlite:////var/lib/cgappliance/cgappliance.db",
            check=problem_of_store,
        ),
        Setting(
            "key_file",
            SettingType.STRING,
            "File of the key that encrypts the credentials in the store.",
            default="/etc/cgappliance/secrets/store.key",
        ),
        Setting(
            "run_dir",
            SettingType.STRING,
            "Folder of the control socket.",
            default="/run/cgappliance",
        ),
        Setting(
            "node",
            SettingType.STRING,
            'Name of this machine in the history; "": its host name. No two appliances with one database may have the same.',
            default="",
            check=_node,
        ),
        Setting(
            "workers",
            SettingType.INTEGER,
            "Worker processes; 0: one for each core.",
            default=0,
            minimum=0,
            maximum=MAX_WORKERS,
        ),
        Setting(
            "stop_notice_s",
            SettingType.FLOAT,
            "How long /readyz says no, after a stop was asked for, before the ports close: a load balancer that asks it sends "
            "nobody any more then, and no client is refused. 0: they close at once.",
            default=0.0,
            unit="s",
            minimum=0,
            maximum=600,
        ),
        Setting(
            "drain_timeout_s",
            SettingType.DURATION,
            "How long sessions may go on after a stop was asked for, before they are ended.",
            default=60.0,
            unit="s",
            maximum=86_400,
        ),
    ),
)

LIMITS: Final = Table(
    "limits",
    "How long the appliance waits for others, and how much it lets in. The defaults suit a company's mail; each says why it is so.",
    (
        Setting(
            "tls_handshake_timeout_s",
            SettingType.DURATION,
            "From the connection to the end of its TLS handshake: ten round trips of a slow mobile network fit in.",
            default=10.0,
            unit="s",
            maximum=120,
        ),
        Setting(
            "command_timeout_s",
            SettingType.DURATION,
            "For each command of a client that has not logged in: programs answer at once, nobody types here.",
            default=60.0,
            unit="s",
            maximum=600,
        ),
        Setting(
            "login_timeout_s",
            SettingType.DURATION,
            "From the connection to a login, whatever the client does meanwhile (Dovecot's three minutes).",
            default=180.0,
            unit="s",
            maximum=1800,
        ),
        Setting(
            "directory_timeout_s",
            SettingType.DURATION,
            "For the directory's answer to one password; mail clients give up after 20 to 60 seconds, and Gmail comes after this.",
            default=10.0,
            unit="s",
            maximum=60,
        ),
        Setting(
            "token_timeout_s",
            SettingType.DURATION,
            "For a Google credential, which takes one HTTPS request; usually 0.2 seconds.",
            default=10.0,
            unit="s",
            maximum=60,
        ),
        Setting(
            "upstream_timeout_s",
            SettingType.DURATION,
            "For connecting and logging in to Gmail.",
            default=30.0,
            unit="s",
            maximum=120,
        ),
        Setting(
            "refusal_delay_s",
            SettingType.FLOAT,
            "Time from a client's password to a refusal, the same for every reason: it hides the reason and slows guessing down.",
            default=2.0,
            unit="s",
            minimum=0,
            maximum=30,
        ),
        Setting(
            "imap_idle_timeout_s",
            SettingType.DURATION,
            "IMAP session without a byte in either direction: RFC 3501 5.4 grants 30 minutes, clients renew IDLE after 29.",
            default=2100.0,
            unit="s",
            minimum=1800,
            maximum=86_400,
        ),
        Setting(
            "pop3_idle_timeout_s",
            SettingType.DURATION,
            "POP3 session without a byte in either direction: RFC 1939 3 grants 10 minutes.",
            default=660.0,
            unit="s",
            minimum=600,
            maximum=86_400,
        ),
        Setting(
            "smtp_idle_timeout_s",
            SettingType.DURATION,
            "SMTP session without a byte in either direction: RFC 5321 4.5.3.2 lets a server take 10 minutes after a message.",
            default=660.0,
            unit="s",
            minimum=600,
            maximum=86_400,
        ),
        Setting(
            "directory_recheck_s",
            SettingType.DURATION,
            "How often the directory is asked whether those who are connected are still there and enabled; who is not is sent "
            "away. As long as a right password is remembered, so that a disabled account is out within the same time.",
            default=300.0,
            unit="s",
            maximum=86_400,
        ),
        Setting(
            "warm_connections",
            SettingType.INTEGER,
            "Connections to Gmail kept ready for a tenant's next logins, for each protocol and worker; 0: none. They carry "
            "nobody's login, and save three round trips.",
            default=4,
            minimum=0,
            maximum=64,
        ),
        Setting(
            "connections_per_address",
            SettingType.INTEGER,
            "Clients of one address (IPv6: of one /64) that are connected and have not logged in; more are closed at once. A login "
            "takes a third of a second, so an office behind one address gets 300 logins a second.",
            default=100,
            minimum=1,
            maximum=100_000,
        ),
        Setting(
            "connections_before_login",
            SettingType.INTEGER,
            "All clients that are connected and have not logged in; for one more, the one that has been there longest and says "
            "nothing is closed. It takes 20 KiB.",
            default=4000,
            minimum=10,
            maximum=1_000_000,
        ),
        Setting(
            "sessions_per_account",
            SettingType.INTEGER,
            "Sessions of one account, of all protocols together; Gmail allows 15 connections, and refuses more in words that mail "
            "clients take for an outage.",
            default=12,
            minimum=1,
            maximum=1000,
        ),
        Setting(
            "sessions_per_tenant",
            SettingType.INTEGER,
            "Sessions of one tenant; a tenant's file may say otherwise. One tenant shall not take the places of all: mail clients "
            "hold two to five sessions a user.",
            default=5000,
            minimum=1,
            maximum=1_000_000,
        ),
        Setting(
            "sessions",
            SettingType.INTEGER,
            "Sessions of all tenants; when they are reached, nobody is accepted until one ends. A session takes two descriptors "
            "and about 60 KiB.",
            default=20_000,
            minimum=1,
            maximum=1_000_000,
        ),
        Setting(
            "worker_hang_s",
            SettingType.DURATION,
            "A worker whose event loop has not turned for so long is replaced; a slow disk or a large collection is not a hang.",
            default=15.0,
            unit="s",
            minimum=2,
            maximum=600,
        ),
        Setting(
            "health_interval_s",
            SettingType.DURATION,
            "How often a tenant's directory and Gmail are tried when no login does it; a trial is one search for an address that "
            "does not exist, or one greeting.",
            default=60.0,
            unit="s",
            minimum=1,
            maximum=86_400,
        ),
    ),
)

LOG: Final = Table(
    "log",
    "What is logged, and how; it goes to standard error, under systemd to the journal.",
    (
        Setting(
            "level",
            SettingType.STRING,
            'Least level that is logged; "info" has one line for each login.',
            default="info",
            choices=LOG_LEVELS,
        ),
        Setting(
            "format",
            SettingType.STRING,
            '"text": key=value; "json": one object a line.',
            default="text",
            choices=LOG_FORMATS,
        ),
    ),
)

WEB: Final = Table(
    "web",
    "The web site of administrators and users. Without this table there is none.",
    (
        Setting(
            "addresses",
            SettingType.STRINGS,
            "Addresses of this machine to listen on.",
            default=("127.0.0.1",),
            minimum=1,
            item_check=_own_address,
        ),
        Setting("port", SettingType.INTEGER, "Port of the site.", default=8443, minimum=1, maximum=65_535),
        Setting(
            "tls",
            SettingType.BOOLEAN,
            "HTTPS; false: plain HTTP on loopback addresses, for a reverse proxy on this machine that does TLS.",
            default=True,
        ),
        Setting(
            "certificate",
            SettingType.FILE,
            "PEM chain for names that are no tenant's listen.hostname; those have their tenants' certificates.",
            default=None,
        ),
        Setting("private_key", SettingType.PRIVATE_FILE, "PEM file of that certificate's key.", default=None),
        Setting(
            "profile_certificate",
            SettingType.FILE,
            "PEM chain that signs the profiles for Apple devices; one for this alone, not that of mail or web.",
            default=None,
        ),
        Setting("profile_private_key", SettingType.PRIVATE_FILE, "PEM file of that certificate's key.", default=None),
        Setting(
            "trusted_proxies",
            SettingType.NETWORKS,
            "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; empty: nobody's.",
            default=(),
        ),
        Setting(
            "session_idle_s",
            SettingType.DURATION,
            "An administrator who does nothing for so long has to log in again.",
            default=1800.0,
            unit="s",
            minimum=60,
            maximum=86_400,
        ),
        Setting(
            "session_max_s",
            SettingType.DURATION,
            "And who works without a pause, after so long: a working day.",
            default=36_000.0,
            unit="s",
            minimum=60,
            maximum=604_800,
        ),
    ),
)

METRICS: Final = Table(
    "metrics",
    "Metrics for Prometheus, and health for load balancers, over HTTP: /metrics, /healthz, /readyz. Without this table: none.",
    (
        Setting(
            "address",
            SettingType.STRING,
            "Address of this machine to listen on. Metrics tell who the tenants are: do not show them to everybody.",
            default="127.0.0.1",
            check=_own_address,
        ),
        Setting("port", SettingType.INTEGER, "Port to listen on.", default=9547, minimum=1, maximum=65_535),
    ),
)

ALERTS: Final = Table(
    "alerts",
    "What the operator is told of without asking: directory, token endpoint or Gmail down, delegation failing, a certificate that "
    "expires, a broken tenant file, an account locked, the database down, workers that die.",
    (
        Setting(
            "mail_to",
            SettingType.STRINGS,
            "Mail addresses that are told; empty: none. Better not of a domain that this appliance serves.",
            default=(),
            maximum=20,
            item_check=_mail_address,
        ),
        Setting("mail_from", SettingType.STRING, 'Sender of the mails; "": cgappliance at the node\'s name.', default=""),
        Setting(
            "smtp_server",
            SettingType.HOST_PORT,
            "Mail server that takes them, without TLS and login: the machine's own, or one nearby.",
            default=HostPort("localhost", 25),
        ),
        Setting(
            "webhook_url_file",
            SettingType.STRING,
            'File that holds the URL to which alerts are posted as JSON; "": none. Who knows such a URL can post there: keep it '
            "readable for the service only.",
            default="",
        ),
        Setting(
            "after_s",
            SettingType.DURATION,
            "An outage is told when it has lasted so long: a single failure, or a restart, is nobody's business at night.",
            default=60.0,
            unit="s",
            maximum=86_400,
        ),
        Setting(
            "repeat_s",
            SettingType.DURATION,
            "What lasts is told again after so long.",
            default=14_400.0,
            unit="s",
            minimum=60,
            maximum=604_800,
        ),
        Setting(
            "max_per_hour",
            SettingType.INTEGER,
            "No more alerts an hour than this; the next one says how many were held back.",
            default=20,
            minimum=1,
            maximum=1000,
        ),
        Setting(
            "certificate_days",
            SettingType.INTEGER,
            "A certificate is told of when it expires in so many days: certbot renews at 30, and what is left then needs a look.",
            default=30,
            minimum=1,
            maximum=365,
        ),
    ),
)

APPLIANCE: Final = (TOP, LIMITS, LOG, METRICS, ALERTS, WEB)
