"""Addresses, networks and ``host:port`` as people write them, to values, or to what is wrong and what to write instead."""

from __future__ import annotations

import ipaddress

from cgappliance.config.problem import Unfit
from cgappliance.model import HostPort, IPAddress, IPNetwork

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_EXAMPLES = "write an address or a network: 192.0.2.10, 192.0.2.0/24 or 2001:db8::/32"


def parse_network(text: str) -> IPNetwork:
    """Return the network, in canonical form; a single address becomes a network of one.

    IPv4-mapped IPv6 networks become IPv4: clients are compared in that form. An address with bits behind its prefix length is
    refused, not widened: ``203.0.113.5/24`` may mean one address or 256, and an allow-list must not guess.

    Raises:
        Unfit: it is no network; says why.
    """
    text = text.strip()
    if "%" in text:
        raise Unfit(f"{text!r} has a zone index", "leave out % and what follows: it names an interface of one machine")
    address, slash, length = text.partition("/")
    parsed = _address(address)
    try:
        network = ipaddress.ip_network(f"{parsed}/{length}" if slash else parsed, strict=False)
    except ValueError:
        raise Unfit(f"{text!r} has no valid prefix length", f"0 to {parsed.max_prefixlen} behind the /") from None
    if network.network_address != parsed:
        raise Unfit(
            f"{text!r} has host bits set",
            f"write {network} for the whole network or {parsed}/{parsed.max_prefixlen} for one address",
        )
    return _unmapped(network)


def parse_address(text: str) -> IPAddress:
    """Return the address.

    Raises:
        Unfit: it is no IPv4 or IPv6 address; says why.
    """
    if "%" in text:
        raise Unfit(f"{text!r} has a zone index", "leave out % and what follows")
    return _address(text.strip())


def parse_host_port(text: str) -> HostPort:
    """Return host and port of ``host:port``, ``192.0.2.1:993`` or ``[2001:db8::1]:993``.

    Raises:
        Unfit: it is none of these; says why.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or host.endswith(":") or (":" in host and not host.startswith("[")):
        raise Unfit(f"{text!r} has no port", "write host:port, an IPv6 address in brackets: [2001:db8::1]:993")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise Unfit(f"{port!r} is not a port", "a port is a number from 1 to 65535")
    if host.startswith("["):
        host = str(parse_address(host.removeprefix("[").removesuffix("]")))
    elif problem := hostname_problem(host):
        raise Unfit(problem, "write the server's name or address")
    return HostPort(host.lower(), int(port))


def hostname_problem(name: str) -> str | None:
    """Return what keeps ``name`` from being a host name in ASCII (RFC 1123 2.1, RFC 1035 2.3.4), or None."""
    if not name.isascii():
        return f"{name!r} is not ASCII: its form for the DNS is {_idna(name)!r}"
    if not 1 <= len(name) <= 253:
        return f"{name!r} is not 1 to 253 characters long"
    for label in name.split("."):
        if not 1 <= len(label) <= 63:
            return f"{name!r} has a part that is not 1 to 63 characters long"
        if not label.replace("-", "").isalnum() or label.startswith("-") or label.endswith("-"):
            return f"{label!r} in {name!r} is not made of letters, digits and inner hyphens"
    return None


def _idna(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return "none"


def _address(text: str) -> IPAddress:
    """Parse one address, by the family that it looks like: ``ip_address`` itself cannot say what is wrong with it."""
    try:
        return ipaddress.IPv6Address(text) if ":" in text else ipaddress.IPv4Address(text)
    except ValueError as error:
        reason = str(error).rsplit(" in '", 1)[0]
        problem = f"{text!r} is not an address: {reason[:1].lower()}{reason[1:]}" if text else "it is empty"
        raise Unfit(problem, _EXAMPLES) from None


def _unmapped(network: IPNetwork) -> IPNetwork:
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        inside = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((int(inside or 0), network.prefixlen - 96))
    return network
