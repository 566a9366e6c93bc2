"""What an upstream's ``-ERR`` means. Imports ``model`` only.

The sentences are Gmail's, matched by their telling part and without case, before the codes: Gmail's [AUTH] covers a wrong
credential, a web login and used-up bandwidth alike.
"""

from __future__ import annotations

from cgappliance.model import Reason

_SENTENCES = (
    ("application-specific password", Reason.APP_PASSWORD_REQUIRED),
    ("web login required", Reason.WEB_LOGIN_REQUIRED),
    ("via your web browser", Reason.WEB_LOGIN_REQUIRED),
    ("not enabled for pop", Reason.POP_OFF),
    ("pop access is disabled", Reason.POP_OFF),
    ("bandwidth limits", Reason.UPSTREAM_OVERQUOTA),
    ("too many login attempts", Reason.UPSTREAM_THROTTLED),
    ("locked by another pop", Reason.UPSTREAM_LIMIT),
    ("temporary system problem", Reason.UPSTREAM_TEMPORARY),
    ("try again later", Reason.UPSTREAM_TEMPORARY),
)

#: RFC 2449 section 8, RFC 3206.
_CODES = (
    ("IN-USE", Reason.UPSTREAM_LIMIT),
    ("LOGIN-DELAY", Reason.UPSTREAM_THROTTLED),
    ("SYS/TEMP", Reason.UPSTREAM_TEMPORARY),
    ("AUTH", Reason.CREDENTIAL_REFUSED),
)


def reason_of(line: bytes, *, uncoded: Reason) -> Reason:
    """Return the reason for a ``-ERR`` line.

    Args:
        line: the whole line.
        uncoded: what a line means that has neither a known sentence nor a code; the step of the dialogue decides.

    A code that is unknown here, or [SYS/PERM] with an unknown sentence, is UPSTREAM_PROTOCOL, "not understood": another token would
    not cure it and nobody knows whether it passes, so the administrator is to read the words.
    """
    text = line.decode("utf-8", "replace")
    lowered = text.lower()
    for part, reason in _SENTENCES:
        if part in lowered:
            return reason
    words = text.removeprefix("-ERR").lstrip(" ")
    if not words.startswith("["):
        return uncoded
    code = words[1:].partition("]")[0].upper()
    # A code may be followed by more levels: SYS/TEMP/X (RFC 2449 section 8).
    return next((reason for known, reason in _CODES if code == known or code.startswith(known + "/")), Reason.UPSTREAM_PROTOCOL)
