"""Why Gmail does not let us in, told from its words: response codes first, then the sentences that Gmail is known for.

It may import ``model`` and ``grammar``. The wire facts are those of Gmail; a server of another make is told by its RFC 5530 codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cgappliance.model import Reason
from cgappliance.proto.imap.grammar import response_code

#: Gmail's sentences, in lower case. They come before the codes: it sends most of them behind the same code, ALERT.
_SENTENCES = (
    (re.compile(rb"application-specific password"), Reason.APP_PASSWORD_REQUIRED),
    (re.compile(rb"web browser|web login|\[webalert"), Reason.WEB_LOGIN_REQUIRED),
    (re.compile(rb"not enabled for imap|imap access is disabled"), Reason.IMAP_OFF),
    (re.compile(rb"too many simultaneous connections"), Reason.UPSTREAM_LIMIT),
    (re.compile(rb"bandwidth limits"), Reason.UPSTREAM_OVERQUOTA),
    (re.compile(rb"too fast|too many login attempts"), Reason.UPSTREAM_THROTTLED),
    (re.compile(rb"temporary system problem|try again later"), Reason.UPSTREAM_TEMPORARY),
)

_CODES = {
    "AUTHENTICATIONFAILED": Reason.CREDENTIAL_REFUSED,
    "AUTHORIZATIONFAILED": Reason.CREDENTIAL_REFUSED,
    "EXPIRED": Reason.CREDENTIAL_REFUSED,
    "LIMIT": Reason.UPSTREAM_LIMIT,
    "OVERQUOTA": Reason.UPSTREAM_OVERQUOTA,
    "UNAVAILABLE": Reason.UPSTREAM_TEMPORARY,
    "SERVERBUG": Reason.UPSTREAM_TEMPORARY,
    "INUSE": Reason.UPSTREAM_TEMPORARY,
}


def reason_of(texts: Sequence[bytes], otherwise: Reason) -> Reason:
    """Return what the server's words mean.

    Args:
        texts: what stands behind ``NO`` or ``BYE``: the final line first, then untagged ones that came before it.
        otherwise: for words that nobody knows.
    """
    for text in texts:
        for sentence, reason in _SENTENCES:
            if sentence.search(text.lower()):
                return reason
    known = (_CODES.get(response_code(text)) for text in texts)
    return next((reason for reason in known if reason), otherwise)
