"""Values as people read them, in their language and the tenant's time zone: the filters of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from babel import dates, numbers
from flask import g

from cgappliance.model import MailProtocol, Profile, Reason
from cgappliance.policy import windows
from cgappliance.policy.rules import ordered_rules
from cgappliance.web.i18n import gettext, language, sentence

PROTOCOLS: Final = {MailProtocol.IMAP: "IMAP", MailProtocol.POP3: "POP3", MailProtocol.SMTP: "SMTP"}
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")


def moment(value: datetime | None) -> str:
    """Return a moment on the tenant's wall, to the second."""
    return "–" if value is None else value.astimezone(g.tenant.timezone).strftime("%Y-%m-%d %H:%M:%S")


def minute(value: datetime | None) -> str:
    """Return a moment on the tenant's wall, to the minute."""
    return "–" if value is None else value.astimezone(g.tenant.timezone).strftime("%Y-%m-%d %H:%M")


def day(value: date | None) -> str:
    """Return a date as the language writes it."""
    return "–" if value is None else dates.format_date(value, "long", locale=language())


def number(value: int) -> str:
    """Return a number with its separators."""
    return numbers.format_decimal(value, locale=language())


def size(value: int) -> str:
    """Return a number of bytes, to three digits."""
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {_UNITS[unit]}"


def span(seconds: float | None) -> str:
    """Return how long something took, in its two largest units."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return gettext("%(seconds).1f s", seconds=seconds)
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return gettext("%(days)d d %(hours)d h", days=days, hours=hours)
    if hours:
        return gettext("%(hours)d h %(minutes)d min", hours=hours, minutes=minutes)
    return gettext("%(minutes)d min %(seconds)d s", minutes=minutes, seconds=rest) if minutes else gettext("%(rest)d s", rest=rest)


def ago(value: datetime | None) -> str:
    """Return how long ago a moment was, roughly."""
    from cgappliance.web.services import services  # noqa: PLC0415 - services knows the clock, and imports none of this

    if value is None:
        return gettext("never")
    passed: timedelta = value - services().now()
    return str(dates.format_timedelta(passed, add_direction=True, locale=language()))


def protocol(value: str) -> str:
    """Return a protocol's name."""
    return PROTOCOLS[MailProtocol(value)]


def protocols(values: Any) -> str:
    """Return the names of protocols."""
    return ", ".join(name for known, name in PROTOCOLS.items() if known in values) or gettext("none")


def reason(code: str | Reason) -> str:
    """Return a reason in words."""
    value = code.value if isinstance(code, Reason) else code
    known = next((one for one in Reason if one.value == value), None)
    return value if known is None else sentence(known.sentence)


def window(value: Any) -> str:
    """Return a time window as it is typed."""
    return windows.describe(value)


def networks_of(profile: Profile) -> int:
    """Return how many networks a profile lists."""
    return sum(len(rule.networks) for rule in ordered_rules(profile))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "moment": moment,
    "minute": minute,
    "day": day,
    "number": number,
    "size": size,
    "span": span,
    "ago": ago,
    "protocol": protocol,
    "protocols": protocols,
    "reason": reason,
    "window": window,
    "networks_of": networks_of,
}
