"""What a refused bind means: Active Directory's sub-codes as the appliance's reasons.

Every refusal has the LDAP code invalidCredentials; the reason is a Windows error code in hexadecimal inside the message, as in
``80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1``. Pure.
"""

from __future__ import annotations

import re

from cgappliance.plugin_api import Reason

_DATA = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)

#: Windows error codes (MS-ERREF 2.2) that say why a person may not log in. A DC tells those of the account's state only to who
#: knows the password, and 775 to everybody.
REASONS = {
    "525": Reason.UNKNOWN_ADDRESS,  # ERROR_NO_SUCH_USER
    "52e": Reason.WRONG_PASSWORD,  # ERROR_LOGON_FAILURE
    "530": Reason.LOGON_HOURS,  # ERROR_INVALID_LOGON_HOURS
    "531": Reason.WORKSTATION,  # ERROR_INVALID_WORKSTATION
    "532": Reason.PASSWORD_EXPIRED,  # ERROR_PASSWORD_EXPIRED
    "533": Reason.DISABLED,  # ERROR_ACCOUNT_DISABLED
    "701": Reason.ACCOUNT_EXPIRED,  # ERROR_ACCOUNT_EXPIRED
    "773": Reason.PASSWORD_MUST_CHANGE,  # ERROR_PASSWORD_MUST_CHANGE
    "775": Reason.LOCKED,  # ERROR_ACCOUNT_LOCKED_OUT
}

#: codes by which a DC says that it could not check the password at all: an outage, never a wrong password
OUTAGES = frozenset(
    {
        "51f",  # ERROR_NO_LOGON_SERVERS: a read-only DC without its writable partner
        "54b",  # ERROR_NO_SUCH_DOMAIN: the account's own domain cannot be reached
        "6ba",  # RPC_S_SERVER_UNAVAILABLE
    }
)


def sub_code(message: str) -> str:
    """Return the sub-code of a bind's diagnostic message, lower case; "" when there is none."""
    found = _DATA.search(message)
    return found[1].lower() if found else ""


def reason_of(code: str) -> Reason:
    """Return why the DC refused.

    A code that nobody here knows is a refusal like a wrong password: the DC has said no, and the code stands in the detail.
    """
    return REASONS.get(code, Reason.WRONG_PASSWORD)
