"""What is wrong with a tenant, part by part, and what to do about it: the manual's troubleshooting, done by the appliance.

Everything is asked anew, of the real servers. Nothing is changed anywhere. One part that fails does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cgappliance.admin.desk import Desk
from cgappliance.admin.doctor.account import look_at_account, look_outside
from cgappliance.admin.doctor.contract import look_at_contract
from cgappliance.admin.doctor.directory import look_at_directory
from cgappliance.admin.doctor.findings import Finding, State, problem
from cgappliance.admin.doctor.google import look_at_google
from cgappliance.admin.doctor.listeners import look_at_listeners
from cgappliance.admin.doctor.upstream import look_at_upstream
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.plugin_api import CredentialSource
from cgappliance.plugins import Kinds

__all__ = ["Finding", "State", "examine", "look_outside"]


def examine(
    desk: Desk, kinds: Kinds, tenant: Tenant, *, address: str | None = None, kept: CredentialSource | None = None
) -> Iterator[Finding]:
    """Yield one finding after the other. Blocks cooperatively: seconds where all is well, more where somebody does not answer.

    Args:
        desk: who asks.
        kinds: the installed plugins.
        tenant: whose file has no error.
        address: of an account to look at too.
        kept: the stored credentials of accounts; None: they cannot be opened here.
    """
    parts: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("contract", lambda: look_at_contract(desk, tenant)),
        ("listeners", lambda: look_at_listeners(tenant, desk.now())),
        ("directory", lambda: look_at_directory(kinds, tenant)),
        ("Google", lambda: look_at_google(desk, kinds, tenant, address)),
        ("upstream", lambda: look_at_upstream(tenant)),
    ]
    if address is not None:
        parts.append(("account", lambda: look_at_account(desk, kinds, tenant, address, kept)))
    for name, look in parts:
        try:
            yield from look()
        except CgapplianceError as error:
            yield problem(name, str(error), "put this right first")
