"""Which sessions an operator means: by account, address, network, tenant, profile, protocol or id. All that is given must hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cgappliance.model import IPNetwork
from cgappliance.session.record import LoginRecord


@dataclass(frozen=True, slots=True)
class Selection:
    """A condition on sessions; an empty one matches all."""

    tenant: str = ""
    account: str = ""
    protocol: str = ""
    session: str = ""
    profile: str = ""
    network: IPNetwork | None = None

    @classmethod
    def of(cls, where: Mapping[str, str]) -> Selection:
        """Return the selection for ``{"tenant": ..., "account": ..., "network": ...}``: the names are those of the fields.

        Raises:
            ValueError: network is neither an address nor a network.
            TypeError: there is no such condition.
        """
        conditions = dict(where)
        network = conditions.pop("network", "")
        return cls(**conditions, network=ipaddress.ip_network(network, strict=False) if network else None)

    def matches(self, record: LoginRecord, profile_of: Callable[[LoginRecord], str]) -> bool:
        """Tell whether a session is meant; ``profile_of`` says which security profile its account has now, "" for none."""
        return (
            self.tenant in ("", record.tenant)
            and self.account.lower() in ("", record.address)
            and self.protocol in ("", record.protocol.value)
            and self.session in ("", record.session)
            and (self.network is None or record.peer.address in self.network)
            and (not self.profile or self.profile == profile_of(record))
        )
