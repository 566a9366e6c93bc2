"""What Gmail's IMAP server says, word for word, and its limits. Pure data."""

from __future__ import annotations

from cgappliance.testing.gmail.switches import Refusal

CAPABILITY_BEFORE = (
    "CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR"
    " AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER"
)
APPEND_LIMIT_BYTES = 35651584
CAPABILITY_AFTER = (
    "CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE"
    f" CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT={APPEND_LIMIT_BYTES}"
)
LITERAL_LIMIT_BYTES = APPEND_LIMIT_BYTES  #: a synchronizing literal
NON_SYNC_LITERAL_LIMIT_BYTES = 4096  #: RFC 7888, LITERAL-

PERMANENT_FLAGS = "\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing"

REFUSALS = {
    Refusal.BAD_CREDENTIALS: "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
    Refusal.APP_PASSWORD_REQUIRED: "[ALERT] Application-specific password required:"
    " https://support.google.com/accounts/answer/185833 (Failure)",
    Refusal.WEB_LOGIN: "[ALERT] Please log in via your web browser:"
    " https://support.google.com/mail/accounts/answer/78754 (Failure)",
    Refusal.OFF_FOR_USER: "[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your"
    " account for IMAP access. (Failure)",
    Refusal.OFF_FOR_DOMAIN: "[ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for"
    " questions about this feature. (Failure)",
    Refusal.TOO_MANY_CONNECTIONS: "[ALERT] Too many simultaneous connections. (Failure)",
    Refusal.UNAVAILABLE: "[UNAVAILABLE] Temporary System Problem (Failure)",
    Refusal.OVERQUOTA: "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
    Refusal.IN_USE: "[INUSE] Temporary System Problem (Failure)",
    Refusal.TOO_FAST: "[LIMIT] IMAP command sent too fast (Failure)",
}
WEB_ALERT = "NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbt] Web login required."


def id_answer(host: str, connection_id: str) -> str:
    """Return the untagged answer to ID."""
    return (
        'ID ("name" "GImap" "vendor" "Google, Inc." "version" "gmail.imap-server_20261103.06_p0"'
        ' "support-url" "http://support.google.com/mail"'
        f' "remote-host" "{host}" "connection-token" "{connection_id}")'
    )
