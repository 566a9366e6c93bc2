from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from cgappliance.store.columns import SortableIp, UtcTime, ip_bytes, network_range
from cgappliance.store.engine import Store

MOMENT = datetime(2026, 11, 24, 7, 0, 0, 123456, tzinfo=UTC)
TABLE = Table("probe", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcTime()), Column("ip", SortableIp()))


@pytest.fixture
def probe(store: Store) -> Store:
    with store.write() as connection:
        TABLE.metadata.create_all(connection)
    return store


def put(store: Store, **values: object) -> None:
    with store.write() as connection:
        connection.execute(insert(TABLE).values(**values))


def column(store: Store, *where: object, name: str) -> list[object]:
    with store.read() as connection:
        return list(connection.scalars(select(TABLE.c[name]).where(*where).order_by(TABLE.c[name])))


def test_a_moment_comes_back_to_the_microsecond_and_in_utc(probe: Store) -> None:
    put(probe, at=MOMENT.astimezone(timezone(timedelta(hours=9))))
    assert column(probe, name="at") == [MOMENT]
    assert column(probe, name="at")[0].tzinfo is UTC


def test_moments_compare_in_the_database(probe: Store) -> None:
    put(probe, at=MOMENT)
    put(probe, at=MOMENT + timedelta(microseconds=1))
    assert column(probe, TABLE.c.at > MOMENT, name="at") == [MOMENT + timedelta(microseconds=1)]


def test_a_moment_without_a_time_zone_is_refused(probe: Store) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        put(probe, at=MOMENT.replace(tzinfo=None))


@pytest.mark.parametrize("text", ["192.0.2.7", "2001:db8::7", "::1", "255.255.255.255"])
def test_an_address_comes_back_as_it_was(probe: Store, text: str) -> None:
    put(probe, ip=ip_address(text))
    assert column(probe, name="ip") == [ip_address(text)]


def test_a_network_is_a_range_and_ipv4_never_matches_ipv6(probe: Store) -> None:
    for text in ("192.0.2.0", "192.0.2.255", "192.0.3.0", "2001:db8::1"):
        put(probe, ip=ip_address(text))
    first, last = network_range(ip_network("192.0.2.0/24"))
    assert column(probe, TABLE.c.ip.between(first, last), name="ip") == [ip_address("192.0.2.0"), ip_address("192.0.2.255")]


def test_all_of_ipv4_is_a_network_too() -> None:
    first, last = network_range(ip_network("0.0.0.0/0"))
    assert ip_bytes(first) <= ip_bytes(ip_address("203.0.113.1")) <= ip_bytes(last) < ip_bytes(ip_address("2001:db8::1"))


def test_nothing_comes_back_as_nothing(probe: Store) -> None:
    put(probe, at=None, ip=None)
    assert column(probe, name="at") == column(probe, name="ip") == [None]
