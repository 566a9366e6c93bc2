"""The frozen values that cross rooms: protocols, peers, credentials, reasons, grants, profiles and tenants.

This file may import ``secret`` and the standard library, nothing else: every other module may import it.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cgappliance.secret import Secret

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class MailProtocol(enum.StrEnum):
    """The three protocols of the appliance; each is spoken over implicit TLS only (RFC 8314)."""

    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"


class Outcome(enum.StrEnum):
    """What became of a login, as coarse as the client may know it (DESIGN section 5); ``proto/replies.py`` renders it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    MISCONFIGURED = "misconfigured"
    LIMITED = "limited"
    THROTTLED = "throttled"
    SHUTDOWN = "shutdown"


class Reason(enum.Enum):
    """Why a login ended as it did, as exact as the administrator may know it. The client only ever learns ``outcome``."""

    outcome: Outcome
    sentence: str

    def __new__(cls, code: str, outcome: Outcome, sentence: str) -> Reason:
        """Make a member whose value is its code, as it stands in logs and history."""
        member = object.__new__(cls)
        member._value_ = code
        member.outcome = outcome
        member.sentence = sentence
        return member

    ACCEPTED = ("accepted", Outcome.ACCEPTED, "logged in")

    BAD_LOGIN_NAME = ("bad_login_name", Outcome.REFUSED, "the login name is not a mail address with its domain")
    BAD_CHARACTERS = ("bad_characters", Outcome.REFUSED, "login name or password holds control characters or is not UTF-8")
    EMPTY_PASSWORD = ("empty_password", Outcome.REFUSED, "the password is empty")
    OTHER_IDENTITY = ("other_identity", Outcome.REFUSED, "the client asked to act as somebody else (SASL authorization identity)")
    CLIENT_TOKEN = ("client_token", Outcome.REFUSED, "the client brought a token of its own instead of the directory password")
    UNKNOWN_DOMAIN = ("unknown_domain", Outcome.REFUSED, "the address is not of one of the tenant's domains")
    UNKNOWN_ADDRESS = ("unknown_address", Outcome.REFUSED, "no entry of the directory has this mail address")
    AMBIGUOUS_ADDRESS = ("ambiguous_address", Outcome.REFUSED, "more than one entry of the directory has this mail address")
    WRONG_PASSWORD = ("wrong_password", Outcome.REFUSED, "wrong password")
    NO_PROFILE = ("no_profile", Outcome.REFUSED, "the account has no security profile")
    PROTOCOL_OFF = ("protocol_off", Outcome.REFUSED, "the security profile does not allow this protocol")
    IP_NOT_ALLOWED = ("ip_not_allowed", Outcome.REFUSED, "the security profile does not allow this remote address")
    TIME_NOT_ALLOWED = ("time_not_allowed", Outcome.REFUSED, "the security profile does not allow this time of day")
    NOT_IN_GROUP = ("not_in_group", Outcome.REFUSED, "the directory entry is not a member of the required group")
    LOCKED = ("locked", Outcome.REFUSED, "the account is locked")
    DISABLED = ("disabled", Outcome.REFUSED, "the account is disabled")
    ACCOUNT_EXPIRED = ("account_expired", Outcome.REFUSED, "the account has expired")
    PASSWORD_EXPIRED = ("password_expired", Outcome.REFUSED, "the password has expired")
    PASSWORD_MUST_CHANGE = ("password_must_change", Outcome.REFUSED, "the password must be changed before the next login")
    LOGON_HOURS = ("logon_hours", Outcome.REFUSED, "the directory does not allow a logon at this time")
    WORKSTATION = ("workstation", Outcome.REFUSED, "the directory does not allow a logon from this computer")
    OUTSIDE_SERVICE_PERIOD = ("outside_service_period", Outcome.REFUSED, "today is outside the tenant's service period")
    NO_SEAT = ("no_seat", Outcome.REFUSED, "all contracted seats have accounts")

    DIRECTORY_UNAVAILABLE = ("directory_unavailable", Outcome.UNAVAILABLE, "the directory could not be asked")
    DIRECTORY_TIMEOUT = ("directory_timeout", Outcome.UNAVAILABLE, "the directory did not answer in time")
    DIRECTORY_MISCONFIGURED = ("directory_misconfigured", Outcome.UNAVAILABLE, "the directory refused the appliance's own request")
    BACKEND_FAILED = ("backend_failed", Outcome.UNAVAILABLE, "the authentication backend failed")
    PROVIDER_FAILED = ("provider_failed", Outcome.UNAVAILABLE, "the Google credential provider failed")
    STORE_UNAVAILABLE = ("store_unavailable", Outcome.UNAVAILABLE, "the appliance's own database could not be used")
    NO_CREDENTIAL = ("no_credential", Outcome.UNAVAILABLE, "there is no Google credential for this account")
    TOKEN_UNAVAILABLE = ("token_unavailable", Outcome.UNAVAILABLE, "Google's token endpoint could not be asked")
    UPSTREAM_UNAVAILABLE = ("upstream_unavailable", Outcome.UNAVAILABLE, "Gmail could not be reached")
    UPSTREAM_TIMEOUT = ("upstream_timeout", Outcome.UNAVAILABLE, "Gmail did not answer in time")
    UPSTREAM_TLS = ("upstream_tls", Outcome.UNAVAILABLE, "Gmail's certificate or TLS was not acceptable")
    UPSTREAM_PROTOCOL = ("upstream_protocol", Outcome.UNAVAILABLE, "Gmail's answer was not understood")
    UPSTREAM_TEMPORARY = ("upstream_temporary", Outcome.UNAVAILABLE, "Gmail has a temporary problem")
    UPSTREAM_OVERQUOTA = ("upstream_overquota", Outcome.UNAVAILABLE, "the account exceeded Gmail's bandwidth or command limits")
    CREDENTIAL_REFUSED = ("credential_refused", Outcome.UNAVAILABLE, "Gmail refused the appliance's credential")
    APP_PASSWORD_REQUIRED = ("app_password_required", Outcome.UNAVAILABLE, "Gmail wants an application-specific password")
    WEB_LOGIN_REQUIRED = ("web_login_required", Outcome.UNAVAILABLE, "Gmail wants a login in a web browser first")

    DELEGATION_MISSING = ("delegation_missing", Outcome.MISCONFIGURED, "domain-wide delegation or a scope is not granted at Google")
    GOOGLE_USER_UNKNOWN = ("google_user_unknown", Outcome.MISCONFIGURED, "Google does not know this user")
    SERVICE_ACCOUNT_INVALID = (
        "service_account_invalid",
        Outcome.MISCONFIGURED,
        "Google does not accept the service account's key or clock",
    )
    IMAP_OFF = ("imap_off", Outcome.MISCONFIGURED, "IMAP is switched off at Google for this user or domain")
    POP_OFF = ("pop_off", Outcome.MISCONFIGURED, "POP is switched off at Google for this user or domain")

    CONNECTION_LIMIT = ("connection_limit", Outcome.LIMITED, "too many connections")
    UPSTREAM_LIMIT = ("upstream_limit", Outcome.LIMITED, "too many connections to Gmail for this account")
    THROTTLED = ("throttled", Outcome.THROTTLED, "too many failed logins in a short time")
    UPSTREAM_THROTTLED = ("upstream_throttled", Outcome.THROTTLED, "Gmail wants a pause between logins")
    SHUTDOWN = ("shutdown", Outcome.SHUTDOWN, "the appliance is shutting down")


@dataclass(frozen=True, slots=True)
class Peer:
    """The remote end of a connection, as policy and history see it."""

    address: IPAddress
    port: int

    @classmethod
    def of(cls, host: str, port: int) -> Peer:
        """Return the peer for a socket's host text; an IPv4-mapped IPv6 address (``::ffff:a.b.c.d``) becomes IPv4.

        Raises:
            ValueError: host is not an IP address.
        """
        address = ipaddress.ip_address(host.split("%", 1)[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return cls(address, port)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client typed, decoded once. ``proto/sasl.py`` is the only maker."""

    login: str  #: as typed, for the history; undecodable bytes replaced, at most 320 characters
    address: str  #: the mail address, lower case, without ``recent:``; "" when ``defect`` is set for the name
    password: Secret
    mechanism: str  #: "LOGIN", "PLAIN", "USER": the way it came
    recent: bool = False  #: POP3 ``recent:`` mode (Gmail): last 30 days, whatever other clients fetched
    defect: Reason | None = None  #: set: refuse like a wrong password, ask nobody

    @property
    def domain(self) -> str:
        """The part behind the last ``@``, lower case; "" when there is no valid address."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class AuthAnswer:
    """A directory's answer to one login."""

    reason: Reason
    detail: str = ""  #: for log and history: server, code, error text; never a secret, never for the client
    identity: str = ""  #: the directory's name for the account (DN, objectGUID), when known

    @property
    def accepted(self) -> bool:
        """True only for a verified password."""
        return self.reason is Reason.ACCEPTED


class GrantMechanism(enum.StrEnum):
    """How the appliance logs in at Gmail."""

    XOAUTH2 = "XOAUTH2"
    PASSWORD = "PASSWORD"  # PLAIN over SMTP and IMAP, USER/PASS over POP3


@dataclass(frozen=True, slots=True)
class Grant:
    """A Google-side credential for one account, good for one login from now."""

    mechanism: GrantMechanism
    username: str  #: what Gmail knows; for POP3 with ``recent:`` in front where the client asked for it
    secret: Secret
    expires_in_s: float | None = None  #: seconds that the token still lives; None: does not expire
    from_cache: bool = False  #: True: a refused login is worth one forced refresh


@dataclass(frozen=True, slots=True)
class Network:
    """One line of a profile's remote IP list."""

    network: IPNetwork
    remark: str = ""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The same hours on some days of the week, in the tenant's time zone."""

    days: frozenset[int]  #: on which it begins, as ``date.weekday`` counts: 0 is Monday
    start: time  #: inclusive
    end: time  #: exclusive; not after ``start``: it ends on the next day


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """One rule of a profile: it applies when protocol, remote address and time all match."""

    allow: bool
    protocols: frozenset[MailProtocol]
    networks: tuple[Network, ...] = ()  #: empty: from anywhere
    windows: tuple[TimeWindow, ...] = ()  #: empty: at any time
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A security profile: which protocols, from where, and when. The first rule that applies decides; none means no."""

    name: str
    mail_access: frozenset[MailProtocol]  #: protocols that some rule allows
    remote_ips: tuple[Network, ...] = ()  #: of a profile without ``rules``; empty: from anywhere
    read_only: bool = True  #: True: stands in the tenant file
    rules: tuple[ProfileRule, ...] = ()  #: in order; empty: one rule that allows ``mail_access`` from ``remote_ips``


@dataclass(frozen=True, slots=True)
class HostPort:
    """A server's name and port; ``host`` is checked against its certificate."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a tenant listens."""

    hostname: str
    addresses: tuple[str, ...]
    ports: Mapping[MailProtocol, int]  #: protocols that are offered, 10000-65535
    certificate: Path
    private_key: Path
    proxy_protocol_from: tuple[IPNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a tenant's mail lives."""

    servers: Mapping[MailProtocol, HostPort]
    ca_file: Path | None = None  #: None: the system's CA store


@dataclass(frozen=True, slots=True)
class PluginChoice:
    """A backend or provider picked by name, with the settings it declared, typed and with secrets read."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdminSite:
    """Who may administer a tenant in the web, besides its local administrators, and from where."""

    administrators_group: str = ""  #: DN in the tenant's directory; "": none
    helpdesk_group: str = ""
    auditors_group: str = ""
    networks: tuple[IPNetwork, ...] = ()  #: empty: from anywhere


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant file, checked. Equal tenants need no reload."""

    id: str
    name: str
    edition: str  #: "sso" or "light"
    domains: frozenset[str]  #: lower case
    listen: Listen
    auth: PluginChoice
    google: PluginChoice
    upstream: Upstream
    timezone: ZoneInfo
    language: str
    seats: int | None = None
    history_days: int = 400  #: how long the access history is kept
    starts_on: date | None = None  #: inclusive
    ends_on: date | None = None  #: inclusive
    default_profile: str = ""  #: "": accounts without a profile of their own are refused
    profile_by_group: Mapping[str, str] = field(default_factory=dict)  #: DN of a group to a profile, in order; for account sync
    profile_attribute: str = ""  #: of the directory, with the name of the profile; for account sync
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    max_sessions: int | None = None  #: None: as the appliance's settings say
    max_sessions_per_account: int | None = None  #: likewise
    admin_site: AdminSite = AdminSite()
    source: Path = Path()
    fingerprint: str = ""  #: changes when the file, or a file that it names, changes
