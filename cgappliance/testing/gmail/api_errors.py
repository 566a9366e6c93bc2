"""The errors of Google's Directory API and Gmail API: name -> HTTP status, ``reason``, ``message``; and their JSON.

Tests name one in ``HttpSwitches.fail_next``. 403 is not always a matter of rights: quotas come as 403 too. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiError:
    """One refusal of an API."""

    status: int
    reason: str
    message: str
    domain: str = "global"

    def body(self, message: str = "") -> dict[str, Any]:
        """Return the JSON that Google sends, with another message where one is given."""
        text = message or self.message
        entry = {"message": text, "domain": self.domain, "reason": self.reason}
        return {"error": {"code": self.status, "message": text, "errors": [entry]}}


API_ERRORS = {
    "invalid": ApiError(400, "invalid", "Invalid Input"),
    "required": ApiError(400, "required", "Missing required field"),
    "bad_request": ApiError(400, "badRequest", "Bad Request"),
    "failed_precondition": ApiError(400, "failedPrecondition", "Mail service not enabled"),
    "auth": ApiError(401, "authError", "Invalid Credentials"),
    "forbidden": ApiError(403, "forbidden", "Not Authorized to access this resource/api"),
    "scope": ApiError(403, "insufficientPermissions", "Request had insufficient authentication scopes."),
    "access_not_configured": ApiError(
        403, "accessNotConfigured", "Gmail API has not been used in project 1 before or it is disabled.", "usageLimits"
    ),
    "domain_policy": ApiError(403, "domainPolicy", "The domain administrators have disabled this feature."),
    "delegation_denied": ApiError(403, "forbidden", "Delegation denied"),
    "user_rate_limit": ApiError(403, "userRateLimitExceeded", "User Rate Limit Exceeded", "usageLimits"),
    "quota": ApiError(403, "quotaExceeded", "Quota exceeded", "usageLimits"),
    "not_found": ApiError(404, "notFound", "Resource Not Found: userKey"),
    "duplicate": ApiError(409, "duplicate", "Entity already exists."),
    "user_limit": ApiError(412, "limitExceeded", "Domain user limit reached"),
    "rate_limit": ApiError(429, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits"),
    "backend": ApiError(503, "backendError", "Backend Error"),
}


class Refused(Exception):
    """An API says no; the first argument is a name in ``API_ERRORS``, a second one replaces its message."""

    def __init__(self, name: str, message: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.message = message
