"""The keys of a tenant file, each declared once. The further keys of ``[auth]`` and ``[google]`` are declared by the plugins."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cgappliance.config.convert import nearest
from cgappliance.config.networks import hostname_problem, parse_address
from cgappliance.config.problem import Unfit
from cgappliance.config.schema import Table
from cgappliance.config.setting import Setting, SettingType
from cgappliance.model import HostPort, MailProtocol

PORT_MIN: Final = 10_000  #: the product's ports always have five digits
PORT_MAX: Final = 65_535
MAX_GROUPS: Final = 100  #: in ``policy.profile_by_group``
MAX_PROFILE_NAME: Final = 64  #: characters; it stands in tables of the admin site and in the history

#: Edition to the backend that it stands for.
BACKEND_OF_EDITION: Final = {"sso": "active-directory", "light": "openldap"}
DEFAULT_PROVIDER: Final = "service-account"

#: Key in ``[listen]`` and ``[upstream]`` to protocol: the names of the services at IANA.
PORT_KEYS: Final = {"pop3s": MailProtocol.POP3, "imaps": MailProtocol.IMAP, "smtps": MailProtocol.SMTP}


def _hostname(name: str) -> str | None:
    try:
        parse_address(name)
    except Unfit:
        problem = hostname_problem(name)
        return problem and f"{problem} (write the name that mail clients connect to)"
    return None


def _domain(name: str) -> str | None:
    if "@" in name:
        return f"{name!r} is an address (write what stands behind the @)"
    problem = hostname_problem(name)
    return problem and f"{problem} (write a mail domain, like acme.example)"


def _address(text: str) -> str | None:
    try:
        parse_address(text)
    except Unfit as unfit:
        return f"{unfit.problem} (write an address of this machine; 0.0.0.0 and :: are all of them)"
    return None


def _profile_by_group(groups: Mapping[str, Any]) -> str | None:
    for group, profile in groups.items():
        if "=" not in group:
            return f'{group!r} is no DN (write it in quotes, like "CN=Sales,OU=Groups,DC=acme,DC=example" = "office")'
        if not isinstance(profile, str) or not profile:
            return f'{group!r} has no profile\'s name (write a text, like "office")'
    if len(groups) > MAX_GROUPS:
        return f"{len(groups)} groups (at most {MAX_GROUPS}: each costs a search at every sync)"
    return None


def _attribute(name: str) -> str | None:
    if not name or re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        return None
    return f"{name!r} is no name of an attribute (use letters, digits and hyphens)"


def _timezone(name: str) -> str | None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, as "Asia"
        pass
    else:
        return None
    slip = nearest(name, zoneinfo.available_timezones())  # reads the whole data base: only when it is needed
    return f"{name!r} is not a time zone ({f'did you mean {slip!r}?' if slip else 'write Region/City, like Asia/Tokyo'})"


def _port(key: str, protocol: str) -> Setting:
    return Setting(
        key,
        SettingType.INTEGER,
        f"Port of {protocol} over TLS; left out: not offered.",
        default=None,
        minimum=PORT_MIN,
        maximum=PORT_MAX,
    )


def _upstream(key: str, protocol: str, host: str, port: int) -> Setting:
    return Setting(key, SettingType.HOST_PORT, f"Server for {protocol} over TLS.", default=HostPort(host, port))


TOP: Final = Table(
    "",
    "The tenant as a whole. The file's name is the tenant's id.",
    (
        Setting("name", SettingType.STRING, "Name of the customer, for people."),
        Setting(
            "edition",
            SettingType.STRING,
            '"sso": accounts live in Active Directory; "light": in OpenLDAP. Chooses the default of auth.backend.',
            choices=tuple(BACKEND_OF_EDITION),
        ),
        Setting(
            "domains",
            SettingType.STRINGS,
            "Mail domains: addresses of these may log in here.",
            minimum=1,
            item_check=_domain,
        ),
        Setting("seats", SettingType.INTEGER, "Contracted users; left out: no limit.", default=None, minimum=1),
        Setting("starts_on", SettingType.DATE, "First day of the service; left out: open.", default=None),
        Setting("ends_on", SettingType.DATE, "Last day of the service; left out: open.", default=None),
        Setting(
            "history_days",
            SettingType.INTEGER,
            "How long the access history is kept. Thirteen months show the same month of the year before.",
            default=400,
            unit="days",
            minimum=1,
            maximum=3660,
        ),
        Setting(
            "timezone",
            SettingType.STRING,
            "Time zone in which the tenant's days begin.",
            default="Asia/Tokyo",
            check=_timezone,
        ),
        Setting("language", SettingType.STRING, "Language of notices and pages.", default="ja", choices=("ja", "en")),
    ),
)

LISTEN: Final = Table(
    "listen",
    "Where mail clients connect. At least one of the three ports must be given.",
    (
        Setting(
            "hostname", SettingType.STRING, "Name that mail clients connect to; the certificate must cover it.", check=_hostname
        ),
        Setting(
            "addresses",
            SettingType.STRINGS,
            "Addresses of this machine to listen on.",
            default=("0.0.0.0", "::"),  # noqa: S104 - all of them, as a mail server does
            minimum=1,
            item_check=_address,
        ),
        _port("pop3s", "POP3"),
        _port("imaps", "IMAP"),
        _port("smtps", "SMTP submission"),
        Setting("certificate", SettingType.FILE, "PEM file: the server's certificate first, then the chain."),
        Setting(
            "private_key",
            SettingType.PRIVATE_FILE,
            "PEM file of the certificate's key, without pass phrase; others may not read it.",
        ),
        Setting(
            "proxy_protocol_from",
            SettingType.NETWORKS,
            "Load balancers: they must send a PROXY header, and nobody else may connect; empty: no header is expected.",
            default=(),
        ),
    ),
)

AUTH: Final = Table(
    "auth",
    "The directory that passwords are checked against. The other keys are those of the backend.",
    (
        Setting(
            "backend",
            SettingType.STRING,
            'Kind of directory; left out: "active-directory" for edition "sso", "openldap" for "light".',
            default=None,
        ),
    ),
)

GOOGLE: Final = Table(
    "google",
    "How the appliance logs in at Gmail. The other keys are those of the provider.",
    (Setting("provider", SettingType.STRING, "Kind of Google credential.", default=DEFAULT_PROVIDER),),
)

UPSTREAM: Final = Table(
    "upstream",
    "Where the mail lives; left out: Gmail.",
    (
        _upstream("imaps", "IMAP", "imap.gmail.com", 993),
        _upstream("pop3s", "POP3", "pop.gmail.com", 995),
        _upstream("smtps", "SMTP submission", "smtp.gmail.com", 465),
        Setting("ca_file", SettingType.FILE, "PEM file of the CAs to trust; left out: those of the system.", default=None),
    ),
)

POLICY: Final = Table(
    "policy",
    "Which accounts may log in.",
    (
        Setting(
            "default_profile",
            SettingType.STRING,
            'Profile of accounts that have none of their own; "": they are refused.',
            default="",
        ),
        Setting(
            "profile_by_group",
            SettingType.TABLE,
            "DNs of directory groups and the profiles that account sync gives their members; the first one that fits counts.",
            default=MappingProxyType({}),
            check=_profile_by_group,
        ),
        Setting(
            "profile_attribute",
            SettingType.STRING,
            "Attribute of directory entries that names the profile for account sync; a group of profile_by_group wins over it.",
            default="",
            check=_attribute,
        ),
    ),
)

LIMITS: Final = Table(
    "limits",
    "How much this tenant may use; left out: as cgappliance.toml says.",
    (
        Setting(
            "sessions",
            SettingType.INTEGER,
            "Sessions of this tenant; left out: limits.sessions_per_tenant.",
            default=None,
            minimum=1,
            maximum=1_000_000,
        ),
        Setting(
            "sessions_per_account",
            SettingType.INTEGER,
            "Sessions of one of its accounts; left out: limits.sessions_per_account.",
            default=None,
            minimum=1,
            maximum=1000,
        ),
    ),
)


def _group(role: str, may: str) -> Setting:
    return Setting(f"{role}_group", SettingType.STRING, f'DN of the directory group whose members {may}; "": none.', default="")


ADMIN: Final = Table(
    "admin",
    "Who may use the tenant's admin site, besides the local administrators of 'cgappliance admin create'.",
    (
        _group("administrators", "may do everything there"),
        _group("helpdesk", "may read, unlock accounts and reset Google passwords"),
        _group("auditors", "may read"),
        Setting("networks", SettingType.NETWORKS, "From where the site may be used; empty: from anywhere.", default=()),
    ),
)

PROFILE: Final = Table(
    "profiles.*",
    "A security profile; its name stands behind the dot. The admin site shows those of the file and cannot change them.",
    (
        Setting(
            "mail_access",
            SettingType.STRINGS,
            "Protocols that accounts with this profile may use; empty: none.",
            choices=tuple(sorted(protocol.value for protocol in MailProtocol)),
        ),
        Setting("remote_ips", SettingType.NETWORKS, "Addresses and networks they may come from; empty: from anywhere.", default=()),
    ),
)

TENANT: Final = (TOP, LISTEN, AUTH, GOOGLE, UPSTREAM, POLICY, LIMITS, ADMIN, PROFILE)
