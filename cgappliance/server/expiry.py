"""When the tenants' certificates expire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from cgappliance.config.certificates import read_chain
from cgappliance.config.problem import Unfit
from cgappliance.model import Tenant

SECONDS_A_DAY = 86_400


class Expiry:
    """Reads a certificate again only when its tenant's files have changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, datetime | None]] = {}  # tenant: fingerprint, end

    def days_left(self, tenants: Iterable[Tenant], now: datetime) -> Mapping[str, float]:
        """Return for each tenant how many days its chain is good; negative: since so many not. Blocks on files that are new.

        The end is that of the certificate in the chain that expires first.
        """
        known = {tenant.id: self._end(tenant) for tenant in tenants}
        self._known = known
        return {name: (end - now).total_seconds() / SECONDS_A_DAY for name, (_, end) in known.items() if end is not None}

    def _end(self, tenant: Tenant) -> tuple[str, datetime | None]:
        fingerprint, end = self._known.get(tenant.id, ("", None))
        if fingerprint != tenant.fingerprint or not fingerprint:
            try:
                end = min(link.not_valid_after_utc for link in read_chain(tenant.listen.certificate))
            except Unfit:
                end = None  # it has just gone; the next reload tells
        return tenant.fingerprint, end
