"""What an upstream's 4xx or 5xx before or at login means. Imports ``model`` only.

The sentences are Gmail's, matched by their telling part and without case, before the codes: Gmail's 534 5.7.9 and 454 4.7.0 cover
several faults each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cgappliance.model import Reason

_SENTENCES = (
    ("application-specific password", Reason.APP_PASSWORD_REQUIRED),
    ("p=invalidsecondfactor", Reason.APP_PASSWORD_REQUIRED),
    ("web browser", Reason.WEB_LOGIN_REQUIRED),
    ("web login required", Reason.WEB_LOGIN_REQUIRED),
    ("too many login attempts", Reason.UPSTREAM_THROTTLED),
    ("too many concurrent", Reason.UPSTREAM_LIMIT),
    ("too many connections", Reason.UPSTREAM_LIMIT),
    ("sending limit exceeded", Reason.UPSTREAM_OVERQUOTA),
)

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def reason_of(code: int, texts: Iterable[bytes]) -> Reason:
    """Return the reason for a reply that is not the success that was waited for.

    Args:
        code: its three digits.
        texts: its lines behind the code.

    Of the others a 4xx may pass by itself; a 5xx is UPSTREAM_PROTOCOL, "not understood": another token would not cure it and nobody
    knows whether it passes, so the administrator is to read the words.
    """
    lines = [text.decode("utf-8", "replace").lower().strip() for text in texts]
    enhanced = next((found[0] for line in lines if (found := _ENHANCED.match(line))), "")
    # Gmail breaks its sentences anywhere and repeats the enhanced code on each line.
    sentence = " ".join(" ".join(line.removeprefix(enhanced).split()) for line in lines)
    for part, reason in _SENTENCES:
        if part in sentence:
            return reason
    if code == 534 and enhanced in {"5.7.9", "5.7.14"}:
        return Reason.APP_PASSWORD_REQUIRED if enhanced == "5.7.9" else Reason.WEB_LOGIN_REQUIRED
    if code == 535:
        return Reason.CREDENTIAL_REFUSED
    return Reason.UPSTREAM_TEMPORARY if 400 <= code < 500 else Reason.UPSTREAM_PROTOCOL
