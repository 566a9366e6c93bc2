"""Column types that mean the same on SQLite and PostgreSQL: moments in UTC, and IP addresses that sort.

This file knows how a value is kept, not what it is for.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import BigInteger, Dialect, LargeBinary
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from cgappliance.model import IPAddress, IPNetwork

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291 2.5.5.2: how IPv4 stands inside IPv6


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 in UTC, exactly.

    Raises:
        ValueError: ``moment`` has no time zone; it could mean any of them.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return (moment - _EPOCH) // _MICROSECOND


class UtcTime(TypeDecorator[datetime]):
    """A moment: ``timestamptz`` on PostgreSQL, microseconds since 1970 on SQLite, which has no type for it. Always UTC outside."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the driver takes."""
        if value is None:
            return None
        return microseconds(value) if dialect.name != "postgresql" else _EPOCH + microseconds(value) * _MICROSECOND

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return _EPOCH + value * _MICROSECOND if isinstance(value, int) else cast(datetime, value).astimezone(UTC)


class SortableIp(TypeDecorator[IPAddress]):
    """An IP address as 16 bytes, IPv4 in its mapped form: a network is a range of bytes, so an ordinary index serves it."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: IPAddress | None, _dialect: Dialect) -> bytes | None:
        """Return the 16 bytes."""
        return None if value is None else ip_bytes(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> IPAddress | None:
        """Return the address, IPv4 where it is one."""
        if value is None:
            return None
        raw = bytes(value)
        return ipaddress.IPv4Address(raw[12:]) if raw.startswith(_MAPPED) else ipaddress.IPv6Address(raw)


def ip_bytes(address: IPAddress) -> bytes:
    """Return an address as ``SortableIp`` keeps it."""
    return _MAPPED + address.packed if address.version == 4 else address.packed


def network_range(network: IPNetwork) -> tuple[IPAddress, IPAddress]:
    """Return the first and the last address of a network, for a comparison with a ``SortableIp`` column."""
    return network[0], network[-1]
