from __future__ import annotations

from ipaddress import ip_address

import pytest

from cgappliance.policy import ip_delay
from cgappliance.policy.ip_delay import IpDelays, network_of

HERE = ip_address("192.0.2.7")
NOW = 1_000_000.0


def failed(times: int, address: str = "192.0.2.7") -> IpDelays:
    delays = IpDelays()
    for _ in range(times):
        delays.failed(ip_address(address), NOW)
    return delays


@pytest.mark.parametrize(("failures", "delay_s"), [(0, 0), (3, 0), (4, 1), (5, 2), (6, 4), (7, 8), (8, 15), (500, 15)])
def test_the_delay_grows_with_the_failures_up_to_a_limit(failures: int, delay_s: float) -> None:
    assert failed(failures).admit(HERE, NOW) == delay_s


def test_logins_of_one_network_wait_one_behind_the_other() -> None:
    delays = failed(6)
    assert [delays.admit(HERE, NOW) for _ in range(3)] == [4, 8, 12]


def test_who_would_wait_too_long_is_sent_away_and_takes_no_turn() -> None:
    delays = failed(8)
    assert [delays.admit(HERE, NOW) for _ in range(4)] == [15, 30, None, None]
    assert delays.admit(HERE, NOW + 16) == 29


def test_the_memory_of_failures_ends() -> None:
    delays = failed(8)
    assert delays.admit(HERE, NOW + ip_delay.FORGET_S) == 0


def test_a_success_ends_the_delay_and_trusts_the_network_for_a_day() -> None:
    delays = failed(8)
    delays.succeeded(HERE, NOW)
    for _ in range(20):
        delays.failed(HERE, NOW + 1)
    assert delays.admit(HERE, NOW + 2) == 0


def test_trust_ends_after_a_day() -> None:
    delays = IpDelays()
    delays.succeeded(HERE, NOW)
    later = NOW + ip_delay.TRUST_S
    for _ in range(8):
        delays.failed(HERE, later)
    assert delays.admit(HERE, later) == 15


@pytest.mark.parametrize(("other", "delay_s"), [("2001:db8:1:2:ffff::1", 15), ("2001:db8:1:3::1", 0), ("192.0.2.8", 0)])
def test_ipv6_counts_by_its_64_and_nobody_else_suffers(other: str, delay_s: float) -> None:
    assert failed(8, "2001:db8:1:2::1").admit(ip_address(other), NOW) == delay_s


def test_the_memory_is_bounded() -> None:
    delays = IpDelays(max_networks=10)
    for number in range(100):
        delays.failed(ip_address(f"198.51.100.{number}"), NOW)
    assert len(delays._records) == 10


def test_what_counts_as_one_network() -> None:
    assert str(network_of(HERE)) == "192.0.2.7/32"
    assert str(network_of(ip_address("2001:db8:1:2:3:4:5:6"))) == "2001:db8:1:2::/64"
