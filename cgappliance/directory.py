"""What every LDAP backend finds in its ``[auth]`` table: the servers, how they are trusted, and the account that searches.

This file describes and checks settings; it speaks no LDAP and opens nothing. ``failover.py`` does the asking in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cgappliance.config.setting import Mistake, Setting, SettingType
from cgappliance.failover import DEFAULT_ATTEMPT_S
from cgappliance.pooling import DEFAULT_POOL_SIZE

LDAP_PORT = 389  # RFC 4511 5.2
LDAPS_PORT = 636  # IANA's "ldaps"; never standardised, always used
MAX_SERVERS = 8  #: each has its pools of connections; a domain with more controllers has a site near the appliance
MAX_POOL_SIZE = 32  #: more binds at once than any one server computes

DIRECTORY_SETTINGS = (
    Setting("servers", SettingType.STRINGS, "Servers as ldaps:// or ldap:// URLs, in the order in which they are asked."),
    Setting("starttls", SettingType.BOOLEAN, "Switch ldap:// connections to TLS before anything else (RFC 4513 3).", default=False),
    Setting("ca_file", SettingType.FILE, "CA certificates (PEM) to trust the servers by; absent: the system's.", default=None),
    Setting("base_dn", SettingType.STRING, "Where the search for the user's entry starts."),
    Setting("bind_dn", SettingType.STRING, "The account that searches."),
    Setting("bind_password_file", SettingType.SECRET_FILE, "File with the password of that account."),
    Setting(
        "pool_size",
        SettingType.INTEGER,
        "Connections kept to each server for searching, and as many again for checking passwords.",
        default=DEFAULT_POOL_SIZE,
        minimum=1,
        maximum=MAX_POOL_SIZE,
    ),
    Setting(
        "server_timeout_s",
        SettingType.DURATION,
        "How long one server may take while another one could be asked instead.",
        default=DEFAULT_ATTEMPT_S,
        unit="s",
    ),
)  #: a backend adds what it has besides


@dataclass(frozen=True, slots=True)
class DirectoryServer:
    """One LDAP server. There is no third way besides TLS from the first byte and StartTLS: passwords never travel in the clear."""

    host: str  #: checked against its certificate; without brackets if it is an IPv6 address
    port: int
    starttls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldap' if self.starttls else 'ldaps'}://{host}:{self.port}"


def directory_servers(settings: Mapping[str, Any]) -> tuple[DirectoryServer, ...]:
    """Return the servers of checked settings, in order."""
    return tuple(_parse(url) for url in settings["servers"])


def check_directory(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return what is wrong with ``servers`` and ``starttls`` together: for ``BackendKind.check``."""
    urls = settings["servers"]
    mistakes = [mistake for number, url in enumerate(urls) if (mistake := _check(f"servers[{number}]", url, settings["starttls"]))]
    if not urls:
        mistakes.append(Mistake("servers", "no server", "give at least one, such as ldaps://dc1.example.com"))
    if len(urls) > MAX_SERVERS:
        mistakes.append(Mistake("servers", f"{len(urls)} servers", f"at most {MAX_SERVERS}"))
    if not mistakes:
        parsed = [_parse(url) for url in urls]
        doubles = [number for number, server in enumerate(parsed) if server in parsed[:number]]
        mistakes += [Mistake(f"servers[{number}]", f"{urls[number]} stands here twice", "remove one") for number in doubles]
    return mistakes


def _parse(url: str) -> DirectoryServer:
    parts = urlsplit(url)
    starttls = parts.scheme == "ldap"
    return DirectoryServer(parts.hostname or "", parts.port or (LDAP_PORT if starttls else LDAPS_PORT), starttls)


def _check(key: str, url: str, starttls: bool) -> Mistake | None:
    if "@" in url:  # first, and the URL is not repeated: there may be a password in it
        return Mistake(key, "the URL holds an account", "remove it; bind_dn and bind_password_file name the account")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # an unbalanced bracket, or a port that is no number or above 65535
        return Mistake(key, f"{url!r} is no URL: {error}", "write ldaps://host or ldaps://host:port")
    if parts.scheme == "ldap" and not starttls:
        return Mistake(key, f"{url} would send passwords in the clear", "use ldaps://, or set starttls = true")
    if parts.scheme == "ldaps" and starttls:
        return Mistake(key, f"{url} has TLS already", "use ldap://, or remove starttls")
    if parts.scheme not in {"ldap", "ldaps"}:
        return Mistake(key, f"scheme {parts.scheme!r} not allowed", "use ldaps://, or ldap:// with starttls = true")
    if not parts.hostname or port == 0:
        return Mistake(key, f"{url!r} names no host and port", "write ldaps://host or ldaps://host:port")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return Mistake(key, f"{url!r} holds more than host and port", "the rest has settings of its own, such as base_dn")
    return None
