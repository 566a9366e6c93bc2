"""What no API shows: said, so that a green page is not taken for more than it is, each with how to check it by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cgappliance.admin.bypass.findings import Finding, State, Way

_API_CONTROLS: Final = "Admin console: Security > Access and data control > API controls"
_END_USER_ACCESS: Final = "Admin console: Apps > Google Workspace > Gmail > End User Access > POP and IMAP access"


def by_hand(client_id: str, admin: str) -> Iterator[Finding]:
    """Yield what has to be checked in Google's Admin console.

    Args:
        client_id: of the service account; "": the tenant has none.
        admin: whom the appliance acts as; "": nobody.
    """
    yield Finding(
        Way.CLIENTS,
        State.UNSEEN,
        "whether Google lets new mail programs in by OAuth cannot be seen from here",
        f"{_API_CONTROLS} > App access control: restrict Gmail, and trust no mail program",
    )
    yield Finding(
        Way.CLIENTS,
        State.UNSEEN,
        "which OAuth clients may use IMAP cannot be seen from here",
        f"{_END_USER_ACCESS}: restrict the mail clients that users can use to a list, and list "
        f"{client_id or 'the service account'} alone; try a login afterwards",
    )
    yield Finding(
        Way.PASSWORDS,
        State.UNSEEN,
        "whether somebody has changed a Google password in Google's console since cannot be seen from here",
        "Admin console: Reporting > Audit and investigation > Admin log events: look for 'Change password'",
    )
    if admin:
        yield Finding(
            Way.PASSWORDS,
            State.UNSEEN,
            f"{admin} keeps a password of its own, because the appliance acts as this user",
            "give it 2-Step Verification and a role with the needed rights only, and no licence for Gmail",
        )
    yield Finding(
        Way.DELEGATION,
        State.UNSEEN,
        "whether other service accounts may read the mail cannot be seen from here",
        f"{_API_CONTROLS} > Manage domain-wide delegation: look at every other client",
    )
