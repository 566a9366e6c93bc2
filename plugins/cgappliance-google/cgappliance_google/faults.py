"""What the answers of Google's APIs mean: whose matter it is, and whether to ask again.

Pure. The reasons are those of https://developers.google.com/workspace/admin/directory/v1/guides/troubleshoot-error-codes and of
https://developers.google.com/workspace/gmail/api/guides/handle-errors. A 403 is told apart by its reason: half of them are quotas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cgappliance.plugin_api import GoogleFault, LoginFailed, Reason
from cgappliance_google.transport import bounded


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer that is no success says."""

    fault: GoogleFault
    detail: str
    again: bool = False  #: worth asking again, a little later
    uncertain: bool = False  #: Google may have done what was asked
    stale_token: bool = False  #: worth asking again at once, with a new token


#: ``errors[0].reason`` -> whose matter; those of quotas are for a moment, and nothing was done
QUOTAS = frozenset({"userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "concurrentRequestsExceeded"})
REASONS = {
    **dict.fromkeys(QUOTAS, GoogleFault.BUSY),
    "dailyLimitExceeded": GoogleFault.BUSY,
    "accessNotConfigured": GoogleFault.API_OFF,
    "domainPolicy": GoogleFault.DOMAIN_POLICY,
    "insufficientPermissions": GoogleFault.SCOPE_MISSING,
    "forbidden": GoogleFault.FORBIDDEN,
    "authError": GoogleFault.SUBJECT_UNKNOWN,
    "notFound": GoogleFault.NOT_FOUND,
    "duplicate": GoogleFault.TAKEN,
    "limitExceeded": GoogleFault.USER_LIMIT,
    "failedPrecondition": GoogleFault.NO_MAILBOX,
}
#: the HTTP status, where the reason is none of these
STATUSES = {
    401: GoogleFault.SUBJECT_UNKNOWN,
    403: GoogleFault.FORBIDDEN,
    404: GoogleFault.NOT_FOUND,
    409: GoogleFault.TAKEN,
    412: GoogleFault.USER_LIMIT,
    429: GoogleFault.BUSY,
}
REQUEST_TIMEOUT = 408
SERVER_ERRORS = 500  #: and above
UNAUTHORIZED = 401

#: in what the token endpoint says to an assertion whose times are not good
ABOUT_THE_CLOCK = ("short-lived", "timeframe", "iat")
TOKEN_REASONS = {
    Reason.DELEGATION_MISSING: GoogleFault.SCOPE_MISSING,
    Reason.GOOGLE_USER_UNKNOWN: GoogleFault.SUBJECT_UNKNOWN,
    Reason.TOKEN_UNAVAILABLE: GoogleFault.UNREACHABLE,
}


def of_answer(status: int, content: dict[str, Any]) -> Meaning:
    """Return the meaning of an API's answer that is no success.

    Args:
        status: the HTTP status.
        content: the JSON object of the body.
    """
    reason, message = _reason_and_message(content)
    words = bounded(f"HTTP {status} {reason}: {message}" if reason else f"HTTP {status} {message}".rstrip())
    if status >= SERVER_ERRORS or status == REQUEST_TIMEOUT:
        return Meaning(GoogleFault.UNREACHABLE, words, again=True, uncertain=True)
    fault = REASONS.get(reason) or STATUSES.get(status, GoogleFault.INVALID)
    again = reason in QUOTAS or (not reason and fault is GoogleFault.BUSY)
    return Meaning(fault, words, again=again, stale_token=status == UNAUTHORIZED)


def of_token(refusal: LoginFailed) -> Meaning:
    """Return the meaning of a refusal by the token endpoint."""
    if refusal.reason is Reason.SERVICE_ACCOUNT_INVALID:
        about_clock = any(words in refusal.detail for words in ABOUT_THE_CLOCK)
        return Meaning(GoogleFault.CLOCK if about_clock else GoogleFault.KEY, refusal.detail)
    fault = TOKEN_REASONS.get(refusal.reason, GoogleFault.UNREACHABLE)
    return Meaning(fault, refusal.detail, again=fault is GoogleFault.UNREACHABLE)


def _reason_and_message(content: dict[str, Any]) -> tuple[str, str]:
    error = content.get("error")
    if not isinstance(error, dict):
        return "", ""
    entries = error.get("errors")
    first = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
    return str(first.get("reason") or ""), str(error.get("message") or first.get("message") or "")
