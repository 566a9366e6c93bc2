"""A tenant's Google customer, for the web site: made when a page needs it, closed behind it."""

from __future__ import annotations

from cgappliance.administration import GoogleAdministration
from cgappliance.model import Tenant
from cgappliance.plugin_api import TenantContext
from cgappliance.plugins import Kinds


def customer_of(kinds: Kinds, tenant: Tenant) -> GoogleAdministration | None:
    """Return what sets the tenant's Google customer up, or None when its provider cannot. The caller closes it.

    Raises:
        GoogleRefused: the tenant file gives no access (NOT_CONFIGURED).
    """
    make = kinds.providers[tenant.google.name].administration
    return None if make is None else make(TenantContext(tenant.id, tenant.domains, tenant.google.settings))
