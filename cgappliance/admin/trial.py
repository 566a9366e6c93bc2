"""A login at the tenant's mail upstream, made to find out whether a credential is good, and nothing else.

SMTP is asked: its login does not depend on the user's POP and IMAP switches, opens no mailbox, and marks no message as fetched. The
standard library's client speaks it; the sessions of users have their own code in ``net``, which this room may not know.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from typing import Final

from cgappliance.errors import CgapplianceError
from cgappliance.model import Grant, GrantMechanism, HostPort, MailProtocol, Tenant
from cgappliance.secret import Secret

TIMEOUT_S: Final = 15.0  #: for each wait; Gmail answers in a second
ANSWER_CHARS: Final = 300  #: of what the server says

_CONTINUE: Final = 334  #: RFC 4954 4: an answer is wanted; after XOAUTH2's token it says that this was refused
_ACCEPTED: Final = 235
_PERMANENT: Final = range(500, 600)


class TrialFailed(CgapplianceError):
    """The upstream could not be asked: nothing is known of the credential."""


def try_password(tenant: Tenant, address: str, password: Secret) -> str:
    """Log in with a password, and return "" when it is good, else what the server says. Blocks cooperatively.

    Raises:
        TrialFailed: the server could not be asked, or says that it cannot answer now.
    """
    return try_grant(tenant, Grant(GrantMechanism.PASSWORD, address, password))


def try_grant(tenant: Tenant, grant: Grant) -> str:
    """Log in with what a credential provider gave; otherwise as ``try_password``."""
    server = tenant.upstream.servers[MailProtocol.SMTP]
    try:
        with _connect(tenant, server) as client:
            client.ehlo_or_helo_if_needed()
            code, words = _log_in(client, grant)
    except (smtplib.SMTPException, OSError) as error:  # ssl.SSLError is one
        raise TrialFailed(f"{server}: {_failure(error)}") from error
    said = _readable(words)
    if code == _ACCEPTED:
        return ""
    if code in _PERMANENT:
        return f"{code} {said}"
    raise TrialFailed(f"{server}: {code} {said}")


def _connect(tenant: Tenant, server: HostPort) -> smtplib.SMTP_SSL:
    ca_file = tenant.upstream.ca_file
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return smtplib.SMTP_SSL(server.host, server.port, local_hostname=tenant.listen.hostname, timeout=TIMEOUT_S, context=context)


def _log_in(client: smtplib.SMTP_SSL, grant: Grant) -> tuple[int, bytes]:
    if grant.mechanism is GrantMechanism.XOAUTH2:
        mechanism, message = "XOAUTH2", f"user={grant.username}\1auth=Bearer {grant.secret.reveal()}\1\1"
    else:
        mechanism, message = "PLAIN", f"\0{grant.username}\0{grant.secret.reveal()}"
    code, words = client.docmd("AUTH", mechanism)  # RFC 4954 4: without initial response, which a token would make too long
    if code != _CONTINUE:
        return code, words
    code, words = client.docmd(base64.b64encode(message.encode()).decode())
    return client.docmd("") if code == _CONTINUE else (code, words)  # XOAUTH2: the empty answer brings the refusal proper


def _failure(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_readable(error.smtp_error)}"
    return _readable(str(error) or type(error).__name__)


def _readable(words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    clean = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return clean[:ANSWER_CHARS]
