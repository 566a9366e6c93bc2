"""Failed logins make later ones from the same network slower, until there is a success. Pure; clock passed in.

An IPv4 address counts by itself, an IPv6 address as its /64, for that is what one customer gets. Logins of one network that have to
wait do so one behind the other: opening many connections at once does not make guessing faster.

Each worker of each node remembers for itself, so an appliance of four workers lets four times as many guesses through. What
protects an account is counted over all of them (``lockout.py``); this slows those down who try a few passwords of very many.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from cgappliance.model import IPAddress, IPNetwork
from cgappliance.policy.expiring import ExpiringMap

NETWORKS_MAX: Final = 100_000  #: remembered at a time: about 30 MB when an attacker uses that many
FREE_FAILURES: Final = 3  #: without delay: somebody mistypes, corrects, and mistypes again
FIRST_DELAY_S: Final = 1.0  #: doubled with each failure
LONGEST_DELAY_S: Final = 15.0  #: shorter than the time-outs of mail clients, which would otherwise try again and make it worse
LONGEST_QUEUE_S: Final = 30.0  #: who would have to wait longer is sent away at once, or connections would pile up
FORGET_S: Final = 900.0  #: after the last failure
TRUST_S: Final = 86_400.0  #: after a success: an office behind one address, in which one telephone knows an old password


@dataclass(frozen=True, slots=True)
class _Record:
    failures: int = 0
    next_at: float = 0.0  # when the next login of this network may be looked at


class IpDelays:
    """The memory of one process."""

    __slots__ = ("_records", "_trusted")

    def __init__(self, max_networks: int = NETWORKS_MAX) -> None:
        self._records: ExpiringMap[IPNetwork, _Record] = ExpiringMap(FORGET_S, max_networks)
        self._trusted: ExpiringMap[IPNetwork, bool] = ExpiringMap(TRUST_S, max_networks)

    def admit(self, address: IPAddress, now: float) -> float | None:
        """Return how many seconds a login from ``address`` has to wait before it is looked at; None: send it away, throttled."""
        network = network_of(address)
        record = self._records.get(network, now)
        if record is None or record.failures <= FREE_FAILURES or self._trusted.get(network, now):
            return 0.0
        delay = min(FIRST_DELAY_S * 2.0 ** (record.failures - FREE_FAILURES - 1), LONGEST_DELAY_S)
        starts_at = max(now, record.next_at) + delay
        if starts_at - now > LONGEST_QUEUE_S:
            return None
        self._records.put(network, replace(record, next_at=starts_at), now)
        return starts_at - now

    def failed(self, address: IPAddress, now: float) -> None:
        """Note a login that was refused for its name or password."""
        network = network_of(address)
        record = self._records.get(network, now) or _Record()
        self._records.put(network, replace(record, failures=min(record.failures + 1, 64)), now)  # 2**64 s is long enough

    def succeeded(self, address: IPAddress, now: float) -> None:
        """Note a login with the right password: the network is trusted for a day."""
        network = network_of(address)
        self._records.pop(network)
        self._trusted.put(network, True, now)


def network_of(address: IPAddress) -> IPNetwork:
    """Return what counts as one: the address itself, or its /64."""
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv4Network(address)
    return ipaddress.IPv6Network((int(address) >> 64 << 64, 64))
