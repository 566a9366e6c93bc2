"""What new accounts get at Google, right behind their creation. Whatever goes wrong there does not undo an account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from cgappliance.admin import provision
from cgappliance.admin.desk import Desk
from cgappliance.admin.provision import Provisioned
from cgappliance.admin.sync_preview import Outcome, Progress
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
    try:
        if not asked and not create and not wants_any(tenant, open_google):
            return None
        with open_google(tenant) as google:
            needs = provision.find_needs(desk, tenant, google, [account.address], create=create)
            name_of = provision.named(lambda _: names)
            (done,) = provision.carry_out(desk, tenant, google, needs, vault=open_vault(), name_of=name_of)
            return done
    except CgapplianceError as error:
        return Provisioned(account.address, problem=str(error))


def wants_any(tenant: Tenant, open_google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]]) -> bool:
    """Return whether the tenant file wants anything of new accounts at Google. Asks nothing of Google.

    Raises:
        CgapplianceError: it does, and what it names, such as the key, cannot be used.
    """
    try:
        with open_google(tenant) as google:
            return google.setup.sets_passwords or google.setup.enables_mail_access
    except GoogleRefused as refused:
        if refused.fault is GoogleFault.NOT_CONFIGURED:
            return False
        raise


def provide_many(
    desk: Desk,
    tenant: Tenant,
    addresses: Sequence[str],
    open_google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]],
    vault: Vault,
    *,
    progress: Progress,
) -> Outcome:
    """Bring many new accounts at Google to what the tenant file wants. Blocks cooperatively, some seconds for each ten.

    Users that are missing there are told, not made: somebody has to want what each of them costs.

    Raises:
        CgapplianceError: Google cannot be asked, or the database; nothing was done.
    """
    outcome = Outcome()
    progress("google", 0)
    with open_google(tenant) as google:
        needs = provision.find_needs(desk, tenant, google, addresses, create=False)
        try:
            for done in provision.carry_out(desk, tenant, google, needs, vault=vault, name_of=provision.named(lambda _: None)):
                outcome.at_google.append(done)
                progress("google", len(outcome.at_google))
        except CgapplianceError as error:
            outcome.stopped = error
    return outcome
