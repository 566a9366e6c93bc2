"""What tests can switch: per account and per server, by name and value, so that a control request can do it too.

This file knows the names and types of the switches, not what they do: ``login.py`` and ``session.py`` do it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Refusal(enum.StrEnum):
    """Why Gmail does not let somebody in; each protocol has its own words for it."""

    BAD_CREDENTIALS = "bad_credentials"
    APP_PASSWORD_REQUIRED = "app_password_required"
    WEB_LOGIN = "web_login"
    OFF_FOR_USER = "off_for_user"
    OFF_FOR_DOMAIN = "off_for_domain"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    UNAVAILABLE = "unavailable"
    OVERQUOTA = "overquota"
    IN_USE = "in_use"
    TOO_FAST = "too_fast"


class Stage(enum.StrEnum):
    """The moments of a connection at which something can go wrong."""

    ACCEPT = "accept"  #: TCP accepted, TLS not begun
    GREETING = "greeting"  #: instead of the greeting
    GREETED = "greeted"  #: right behind the greeting
    LOGIN = "login"  #: instead of the answer to a login, or in the middle of its dialogue
    SESSION = "session"  #: after ``after_bytes`` were sent to a logged-in client


class FaultKind(enum.StrEnum):
    """What goes wrong."""

    SILENT = "silent"  #: nothing more is said; what the client sends is read and recorded
    DROP = "drop"  #: the connection is closed in order
    RESET = "reset"  #: the connection is reset (TCP RST)
    GARBAGE = "garbage"  #: bytes that are no protocol, then silence
    ENDLESS_LINE = "endless_line"  #: a line that never ends, as fast as the client reads
    DRIP = "drip"  #: from here on every byte goes in a write of its own, ``drip_s`` apart
    BYE = "bye"  #: the protocol's own farewell, then the connection is closed


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, ``times`` times."""

    kind: FaultKind
    stage: Stage
    times: int | None = None  #: None: every time
    after_bytes: int = 0  #: with ``Stage.SESSION``: bytes sent since the login
    drip_s: float = 0.01  #: with ``FaultKind.DRIP``: seconds between two bytes


@dataclass(slots=True)
class ServerSwitches:
    """The switches of one of the mail servers, whoever logs in."""

    refuse_next: list[Refusal] = field(default_factory=list)  #: the next logins end so, in this order
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class AccountSwitches:
    """The switches of one account. The defaults are those of a Workspace account of today: tokens only."""

    password_enabled: bool = False  #: the account's own password is good for IMAP, POP and SMTP ("less secure apps")
    needs_app_password: bool = False  #: 2-Step Verification is on: the account's own password gets the hint
    web_login: bool = False  #: Google wants a login in a browser first, whatever the credential
    imap_off: str = ""  #: "", "user" or "domain"
    pop_off: str = ""  #: "", "user" or "domain"
    pop_off_at: str = "login"  #: "login" or "stat": when POP says that it is off
    pop_lock: bool = False  #: a second POP session gets IN-USE
    connection_limit: int = 15  #: IMAP sessions at a time
    overquota_after_bytes: int | None = None  #: sent to the client in one session
    session_lifetime_s: float | None = None  #: in addition to the token's own end
    refuse_next: list[Refusal] = field(default_factory=list)  #: the next logins end so, in this order
    faults: list[Fault] = field(default_factory=list)
    no_mailbox: bool = False  #: no licence for Gmail: the settings API says that the mail service is not enabled
    settings_frozen: bool = False  #: the settings API accepts changes, and nothing changes (an administrator's switch rules)
    token_errors: list[str] = field(default_factory=list)  #: the next token requests end so (``token_errors.py``)
    token_error: str = ""  #: every token request ends so


@dataclass(slots=True)
class HttpSwitches:
    """The switches of one HTTP interface: the token endpoint or an API."""

    fail_next: list[str] = field(default_factory=list)  #: the next requests end so
    delay_s: float = 0.0  #: before each answer
    lose_reply_next: int = 0  #: the next requests are carried out, but answered 503
    clock_offset_s: float = 0.0  #: the endpoint's own wall clock against this machine's (JWT times are checked by it)
    token_lifetime_s: int = 3599  #: of the tokens that it issues


class UnknownSwitch(ValueError):
    """A name or value that no switch has; the message says which names exist."""


def fault_from(values: Mapping[str, Any]) -> Fault:
    """Return the fault that a JSON object describes.

    Raises:
        UnknownSwitch: a kind, stage or field that does not exist.
    """
    try:
        given = dict(values)
        return Fault(FaultKind(given.pop("kind")), Stage(given.pop("stage")), **given)
    except (KeyError, ValueError, TypeError) as error:
        raise UnknownSwitch(f"fault {dict(values)!r}: {error} (kind: {_names(FaultKind)}; stage: {_names(Stage)})") from error


def apply(target: ServerSwitches | AccountSwitches | HttpSwitches, values: Mapping[str, Any]) -> None:
    """Set the switches named in ``values``, all or none.

    Raises:
        UnknownSwitch: a name or a value that does not exist.
    """
    known = {entry.name for entry in dataclasses.fields(target)}
    converted = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownSwitch(f"{name}: no such switch (known: {', '.join(sorted(known))})")
        converted[name] = _converted(name, value)
    for name, value in converted.items():
        setattr(target, name, value)


def _converted(name: str, value: Any) -> Any:
    if name == "faults":
        return [fault_from(entry) for entry in value]
    if name == "refuse_next":
        try:
            return [Refusal(entry) for entry in value]
        except ValueError as error:
            raise UnknownSwitch(f"refuse_next: {error} (known: {_names(Refusal)})") from error
    return value


def _names(kind: type[enum.StrEnum]) -> str:
    return ", ".join(kind)
