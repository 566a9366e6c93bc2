import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgappliance.config.networks import hostname_problem, parse_address, parse_host_port, parse_network
from cgappliance.config.problem import Unfit
from cgappliance.model import HostPort


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        (" 192.0.2.10 ", "192.0.2.10/32"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/0", "::/0"),
    ],
)
def test_network_is_normalised(text: str, canonical: str):
    assert str(parse_network(text)) == canonical


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("123.456.78.90", "'123.456.78.90' is not an address: octet 456 (> 255) not permitted"),
        ("192.0.2", "'192.0.2' is not an address: expected 4 octets"),
        ("192.0.2.010", "'192.0.2.010' is not an address: leading zeros are not permitted in '010'"),
        ("office", "'office' is not an address: expected 4 octets"),
        ("2001:db8:::1", "'2001:db8:::1' is not an address: at most one '::' permitted"),
        ("", "it is empty"),
        ("192.0.2.0/33", "'192.0.2.0/33' has no valid prefix length"),
        ("192.0.2.0/", "'192.0.2.0/' has no valid prefix length"),
        ("192.0.2.0/24/8", "'192.0.2.0/24/8' has no valid prefix length"),
        ("2001:db8::/129", "'2001:db8::/129' has no valid prefix length"),
        ("fe80::1%eth0", "'fe80::1%eth0' has a zone index"),
        ("203.0.113.5/24", "'203.0.113.5/24' has host bits set"),
    ],
)
def test_what_is_no_network_is_refused_with_the_reason(text: str, problem: str):
    with pytest.raises(Unfit) as caught:
        parse_network(text)
    assert caught.value.problem == problem
    assert caught.value.remedy


def test_host_bits_are_answered_with_both_things_they_may_mean():
    with pytest.raises(Unfit, match=r"203\.0\.113\.0/24 for the whole network or 203\.0\.113\.5/32 for one address"):
        parse_network("203.0.113.5/24")


@given(st.ip_addresses(), st.integers(0, 128))
def test_any_network_survives_writing_and_reading(address: ipaddress.IPv4Address, length: int):
    network = ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False)
    again = parse_network(str(parse_network(str(network))))
    assert again == parse_network(str(network))


@given(st.text(max_size=20))
def test_any_text_is_a_network_or_unfit(text: str):
    with contextlib.suppress(Unfit):
        assert parse_network(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("imap.gmail.com:993", HostPort("imap.gmail.com", 993)),
        ("IMAP.Gmail.com:993", HostPort("imap.gmail.com", 993)),
        ("127.0.0.1:1", HostPort("127.0.0.1", 1)),
        ("[2001:DB8::1]:65535", HostPort("2001:db8::1", 65535)),
    ],
)
def test_host_and_port_are_read(text: str, value: HostPort):
    assert parse_host_port(text) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("imap.gmail.com", "'imap.gmail.com' has no port"),
        ("2001:db8::1", "'2001:db8::1' has no port"),
        ("host::993", "'host::993' has no port"),
        ("host:", "'' is not a port"),
        ("host:0", "'0' is not a port"),
        ("host:65536", "'65536' is not a port"),
        ("host:imaps", "'imaps' is not a port"),
        ("host:\u0661", "'\u0661' is not a port"),
        ("[zz]:993", "'zz' is not an address: expected 4 octets"),
        ("a_b:993", "'a_b' in 'a_b' is not made of letters, digits and inner hyphens"),
        (":993", "'' is not 1 to 253 characters long"),
    ],
)
def test_what_is_no_host_and_port_is_refused_with_the_reason(text: str, problem: str):
    with pytest.raises(Unfit) as caught:
        parse_host_port(text)
    assert caught.value.problem == problem


@pytest.mark.parametrize("name", ["acme.example", "a", "xn--fsq.example", "1.2.3.4", "A-1.example", "a" * 63 + ".example"])
def test_good_host_name_has_no_problem(name: str):
    assert hostname_problem(name) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is not 1 to 253"),
        ("a." * 127, "is not 1 to 253"),
        ("a..b", "a part that is not 1 to 63"),
        ("acme.example.", "a part that is not 1 to 63"),
        ("a" * 64, "a part that is not 1 to 63"),
        ("-a.example", "is not made of letters"),
        ("a-.example", "is not made of letters"),
        ("a b", "is not made of letters"),
        ("*.example", "is not made of letters"),
        ("例え.example", "its form for the DNS is 'xn--r8jz45g.example'"),
        ("例..え", "its form for the DNS is 'none'"),
    ],
)
def test_bad_host_name_is_told_why(name: str, problem: str):
    assert problem in (hostname_problem(name) or "")


def test_address_is_read_without_zone():
    assert parse_address("2001:db8::1") == ipaddress.ip_address("2001:db8::1")
    with pytest.raises(Unfit, match="zone index"):
        parse_address("fe80::1%eth0")
