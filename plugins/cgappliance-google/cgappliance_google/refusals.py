"""What the errors of Google's token endpoint mean: who has to do something about them.

Pure. The texts are those of https://developers.google.com/identity/protocols/oauth2/service-account#error-codes and of logs.
"""

from __future__ import annotations

from cgappliance.plugin_api import Reason

#: HTTP statuses that say "later", whatever stands in the body
LATER_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

#: the JSON's ``error`` -> what it means; ``invalid_grant`` means several things and is told apart by its description
MEANINGS = {
    "unauthorized_client": Reason.DELEGATION_MISSING,
    "access_denied": Reason.DELEGATION_MISSING,
    "invalid_scope": Reason.DELEGATION_MISSING,
    "admin_policy_enforced": Reason.DELEGATION_MISSING,
    "org_internal": Reason.DELEGATION_MISSING,
    "invalid_client": Reason.SERVICE_ACCOUNT_INVALID,
    "deleted_client": Reason.SERVICE_ACCOUNT_INVALID,
    "disabled_client": Reason.SERVICE_ACCOUNT_INVALID,
    "internal_failure": Reason.TOKEN_UNAVAILABLE,
    "server_error": Reason.TOKEN_UNAVAILABLE,
    "temporarily_unavailable": Reason.TOKEN_UNAVAILABLE,
}

#: in the description of ``invalid_grant``: key deleted, clock wrong, or the service account itself gone
ABOUT_THE_SERVICE_ACCOUNT = ("jwt", "account not found")

#: reasons that asking again at once cannot change
LASTING = frozenset({Reason.DELEGATION_MISSING, Reason.GOOGLE_USER_UNKNOWN, Reason.SERVICE_ACCOUNT_INVALID})


def meaning(status: int, error: str, description: str) -> Reason:
    """Return the reason for an error answer of the token endpoint.

    Args:
        status: the HTTP status.
        error: the JSON's ``error``; "" when there is none.
        description: the JSON's ``error_description``; "" when there is none.
    """
    if status in LATER_STATUSES:
        return Reason.TOKEN_UNAVAILABLE
    if error == "invalid_grant":
        text = description.lower()
        of_service_account = any(words in text for words in ABOUT_THE_SERVICE_ACCOUNT)
        # what is left is about the subject: "Invalid email or User ID", "Not a valid email", a suspended user's "Bad Request"
        return Reason.SERVICE_ACCOUNT_INVALID if of_service_account else Reason.GOOGLE_USER_UNKNOWN
    return MEANINGS.get(error, Reason.TOKEN_UNAVAILABLE)
