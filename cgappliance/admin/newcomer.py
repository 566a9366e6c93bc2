"""What a new account gets at Google, right behind its creation. Whatever goes wrong there does not undo the account."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from cgappliance.admin import provision
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import Provisioned
from cgappliance.administration import GoogleAdministration, GoogleFault, GoogleRefused
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.store.accounts import Account
from cgappliance.store.vault import Vault


def provide(
    desk: Desk,
    tenant: Tenant,
    account: Account,
    open_google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]],
    open_vault: Callable[[], Vault],
    *,
    names: tuple[str, str] = ("", ""),
    asked: bool = False,
    create: bool = False,
) -> Provisioned | None:
    """Bring a new account at Google to what the tenant file wants, and return what came of it. Blocks cooperatively.

    Args:
        desk: who does it.
        tenant: whose account.
        account: the new one.
        open_google: lends the tenant's customer.
        open_vault: returns what encrypts passwords; asked only when there is something to do.
        names: given and family name of a user to be made; "": the part before the @ stands for it.
        asked: somebody wants it done, and is to hear that the tenant file gives no access to Google.
        create: make the user at Google if it is missing; it may cost a licence.

    Returns:
        None: the tenant file wants nothing there, and nobody asked.
    """
    local = account.address.partition("@")[0]
    named = (names[0] or local, names[1] or local)
    asked = asked or create
    try:
        with open_google(tenant) as google:
            if not asked and not google.setup.sets_passwords and not google.setup.enables_mail_access:
                return None
            needs = provision.find_needs(desk, tenant, google, [account.address], create=create)
            (done,) = provision.carry_out(desk, tenant, google, needs, vault=open_vault(), name_of=lambda _: named)
            return done
    except GoogleRefused as refused:
        if refused.fault is GoogleFault.NOT_CONFIGURED and not asked:
            return None
        return Provisioned(account.address, problem=str(refused))
    except CgapplianceError as error:
        return Provisioned(account.address, problem=str(error))
