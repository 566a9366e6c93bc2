"""POP and IMAP at Google, user by user: seen in Gmail's settings, switched on where the tenant allows it (manual 2.1.3, 2.1.4).

Only what the tenant offers counts: a tenant without a POP3 port does not care whether its users have POP on. A policy of the Google
domain wins over a user's own switch; there is no API for it, so the administrator is told where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleAdministration, MailAccess
from cgappliance.model import MailProtocol, Tenant
from cgappliance.store import accounts

#: Where a domain's policy about POP and IMAP is, in Google's words.
POLICY_PATH: Final = "Apps > Google Workspace > Gmail > End User Access > POP and IMAP access"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is on, and what that means here."""

    access: MailAccess
    switched_on: Sequence[str]  #: "IMAP", "POP": off before, on now
    still_off: Sequence[str]  #: offered by the tenant, and off

    @property
    def advice(self) -> str:
        """What to do about what is off; "": nothing is."""
        if not self.still_off:
            return ""
        off = " and ".join(self.still_off)
        return (
            f"{off} is off at Google: switch it on with 'account mail-access --enable' or in the user's Gmail settings; if it "
            f"stays off, a policy forbids it (Google's Admin console: {POLICY_PATH})"
        )


def look(tenant: Tenant, google: GoogleAdministration, address: str) -> Looked:
    """Return what Gmail says of a user's POP and IMAP. Blocks cooperatively.

    Raises:
        GoogleRefused: Google cannot be asked, or the user has no mailbox.
    """
    access = google.mail_access(address)
    return Looked(access, (), _off(tenant, access))


def enable(desk: Desk, tenant: Tenant, google: GoogleAdministration, address: str) -> Looked:
    """Switch on what the tenant offers and the user has off, and return what is on then. Blocks cooperatively.

    Raises:
        RecordMissing: there is no such account.
        GoogleRefused: Google cannot be asked, refuses, or the user has no mailbox.
    """
    with desk.store.read() as connection:
        address = accounts.get(connection, tenant.id, address).address
    before = google.mail_access(address)
    off = _off(tenant, before)
    if not off:
        return Looked(before, (), ())
    after = google.enable_mail_access(address, imap="IMAP" in off, pop="POP" in off)
    still_off = _off(tenant, after)
    with desk.work() as work:
        work.log(tenant.id, "google.mail_access", address, before=asdict(before), after=asdict(after))
    return Looked(after, [name for name in off if name not in still_off], still_off)


def _off(tenant: Tenant, access: MailAccess) -> list[str]:
    offered = tenant.listen.ports
    imap_off = MailProtocol.IMAP in offered and not access.imap
    pop_off = MailProtocol.POP3 in offered and not access.pop
    return [name for name, off in (("IMAP", imap_off), ("POP", pop_off)) if off]
