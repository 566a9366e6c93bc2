import ipaddress
import time

import pytest

from cgappliance.model import MailProtocol, Network
from cgappliance.policy.profile import effective_profile, matching_network, protocol_allowed, unmapped

from .factories import profile, tenant


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("203.0.112.255", False),  # one before the first
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.114.0", False),  # one behind the last
        ("198.51.100.7", True),  # a single address
        ("198.51.100.8", False),
        ("2001:db8:ffff:ffff::1", True),
        ("2001:db9::1", False),
        ("::ffff:203.0.113.9", True),  # as a dual-stack socket shows it
        ("::ffff:203.0.114.9", False),
        ("::203.0.113.9", False),  # the deprecated compatible form is not IPv4 (RFC 4291 2.5.5.1)
    ],
)
def test_address_is_allowed_when_one_network_holds_it(address: str, allowed: bool):
    office = profile("203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32")
    assert (matching_network(office.remote_ips, ip(address)) is not None) is allowed


def test_ipv4_anywhere_does_not_open_ipv6():
    assert matching_network(profile("0.0.0.0/0").remote_ips, ip("2001:db8::1")) is None
    assert matching_network(profile("::/0").remote_ips, ip("192.0.2.1")) is None


def test_matching_network_is_the_first_that_holds_the_address():
    lines = (
        Network(ipaddress.ip_network("10.1.0.0/16"), "branch"),
        Network(ipaddress.ip_network("10.0.0.0/8"), "all"),
    )
    assert matching_network(lines, ip("10.1.2.3")) is lines[0]
    assert matching_network(lines, ip("10.2.2.3")) is lines[1]
    assert matching_network(lines, ip("11.0.0.1")) is None


def test_unmapped_leaves_other_addresses_alone():
    assert unmapped(ip("::ffff:192.0.2.1")) == ip("192.0.2.1")
    assert unmapped(ip("192.0.2.1")) == ip("192.0.2.1")
    assert unmapped(ip("2001:db8::1")) == ip("2001:db8::1")


@pytest.mark.parametrize("protocol", list(MailProtocol))
def test_protocol_is_allowed_only_when_named(protocol: MailProtocol):
    assert protocol_allowed(profile(access=frozenset({protocol})), protocol)
    assert not protocol_allowed(profile(access=frozenset(MailProtocol) - {protocol}), protocol)


def test_own_profile_comes_before_the_default():
    office, home = profile(name="office"), profile(name="home")
    acme = tenant(profiles={"office": office, "home": home}, default_profile="office")
    assert effective_profile(acme, "home") is home
    assert effective_profile(acme) is office


def test_missing_own_profile_does_not_widen_to_the_default():
    acme = tenant(profiles={"office": profile()}, default_profile="office")
    assert effective_profile(acme, "deleted") is None


def test_no_default_means_no_profile():
    assert effective_profile(tenant(profiles={"office": profile()})) is None


def test_lookup_in_512_networks_stays_far_below_the_cost_of_a_login():
    office = profile(*(f"10.{high}.{low}.0/24" for high in range(2) for low in range(256)))
    started = time.process_time()
    for _ in range(100):
        matching_network(office.remote_ips, ip("192.0.2.1"))
    assert (time.process_time() - started) / 100 < 0.001  # about 50 us; a login costs 1400
