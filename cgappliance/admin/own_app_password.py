"""A user's own app password, where a tenant logs in at Gmail with those: entered, tried at Gmail, kept.

Each try is a login at Google from the appliance's address: whoever enters one wrong app password after another is stopped before
Google mistrusts that address, and with it everybody's mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from cgappliance.admin import accounts, credentials
from cgappliance.admin.accounts import Secret as Kept
from cgappliance.admin.credentials import Verify
from cgappliance.admin.desk import Desk
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store import audit
from cgappliance.store.credentials import Kind
from cgappliance.store.errors import LimitReached, RecordConflict
from cgappliance.store.vault import Vault

PROVIDER: Final = "app-password"  #: the kind of Google credentials of tenants that have this page
TRIES_MAX: Final = 5  #: app passwords that Gmail may refuse to one user within TRIES_WITHIN: typing mistakes, and no guessing
TRIES_WITHIN: Final = timedelta(hours=1)
REFUSED: Final = "credential.refused"  #: how the audit log calls such a try


def applies(tenant: Tenant) -> bool:
    """Tell whether the tenant's users enter app passwords: with ``passwords_file`` the operator has them all."""
    return tenant.google.name == PROVIDER and not tenant.google.settings.get("passwords_file")


def kept(desk: Desk, tenant: Tenant, address: str) -> Kept | None:
    """Return what is known of a user's app password, never the password itself; None: there is none.

    Raises:
        RecordMissing: there is no account of this address.
    """
    found = accounts.show(desk, tenant, address).credentials
    return next((one for one in found if one.kind is Kind.APP_PASSWORD), None)


@dataclass(frozen=True, slots=True)
class Trials:
    """Which users' app passwords are being tried in this process: one a user, or the count would come too late for the next."""

    under_way: set[tuple[str, str]] = field(default_factory=set)

    @contextmanager
    def of(self, tenant: str, address: str) -> Iterator[None]:
        """Be the only trial of a user's.

        Raises:
            RecordConflict: there is one.
        """
        key = (tenant, address)
        if key in self.under_way:
            raise RecordConflict(f"another app password of {address} is being tried (wait for its answer)")
        self.under_way.add(key)
        try:
            yield
        finally:
            self.under_way.discard(key)


def enter(desk: Desk, tenant: Tenant, address: str, typed: Secret, *, vault: Vault, verify: Verify, trials: Trials) -> None:
    """Keep a user's app password if Gmail takes it. Blocks for Gmail.

    Raises:
        RecordConflict: another one of this user is being tried.
        LimitReached: Gmail has refused too many of this user's lately; it was not asked.
        NotAnAppPassword, AppPasswordRefused, RecordMissing: as ``credentials.set_app_password``.
        TrialFailed: Gmail could not be asked.
        KeyProblem, StoreUnavailable: it was not kept.
    """
    with trials.of(tenant.id, accounts.normalised(address)):
        since = desk.now() - TRIES_WITHIN
        where = audit.Filter(tenant=tenant.id, target=accounts.normalised(address), action=REFUSED, since=since)
        if len(audit.page(desk.store, where, limit=TRIES_MAX)) >= TRIES_MAX:
            raise LimitReached(f"Gmail has refused {TRIES_MAX} app passwords of {address} within the last hour (try again later)")

        def tried(known: str, secret: Secret) -> str:
            said = verify(known, secret)
            if said:
                with desk.work() as work:
                    work.log(tenant.id, REFUSED, known, after={"kind": Kind.APP_PASSWORD}, reason=said)
            return said

        credentials.set_app_password(desk, tenant, address, typed, vault=vault, verify=tried)
