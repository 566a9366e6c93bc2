"""The errors of Google's token endpoint, word for word: name -> HTTP status, ``error``, ``error_description``.

Tests name one in ``AccountSwitches.token_errors`` or ``HttpSwitches.fail_next``. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenError:
    """One refusal of the token endpoint."""

    status: int
    error: str
    description: str = ""


TOKEN_ERRORS = {
    "unauthorized_client": TokenError(
        401,
        "unauthorized_client",
        "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes"
        " requested.",
    ),
    "access_denied": TokenError(403, "access_denied", "Requested client not authorized."),
    "admin_policy_enforced": TokenError(400, "admin_policy_enforced", "Access blocked by an administrator's policy."),
    "invalid_scope": TokenError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."),
    "user_unknown": TokenError(400, "invalid_grant", "Invalid email or User ID"),
    "user_suspended": TokenError(400, "invalid_grant", "Bad Request"),
    "signature": TokenError(400, "invalid_grant", "Invalid JWT Signature."),
    "account_deleted": TokenError(400, "invalid_grant", "Invalid grant: account not found"),
    "clock": TokenError(
        400,
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        " Check your iat and exp values in the JWT claim.",
    ),
    "invalid_client": TokenError(401, "invalid_client", "The OAuth client was not found."),
    "disabled_client": TokenError(401, "disabled_client", "The OAuth client was disabled."),
    "invalid_request": TokenError(400, "invalid_request", "Bad Request"),
    "rate_limited": TokenError(429, "rate_limit_exceeded", "Too many requests"),
    "internal_failure": TokenError(500, "internal_failure", "Backend error"),
    "temporarily_unavailable": TokenError(503, "temporarily_unavailable", "The service is temporarily unavailable."),
}
