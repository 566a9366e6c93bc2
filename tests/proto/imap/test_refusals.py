import pytest

from cgappliance.model import Outcome, Reason
from cgappliance.proto.imap.refusals import reason_of

OTHERWISE = Reason.CREDENTIAL_REFUSED

# Gmail's own words, and the codes of RFC 5530 that other servers use.
KNOWN = [
    (b"[AUTHENTICATIONFAILED] Invalid credentials (Failure)", Reason.CREDENTIAL_REFUSED),
    (b"[AUTHORIZATIONFAILED] No", Reason.CREDENTIAL_REFUSED),
    (b"[EXPIRED] Password expired", Reason.CREDENTIAL_REFUSED),
    (b"[ALERT] Application-specific password required: https://support.google.com/x (Failure)", Reason.APP_PASSWORD_REQUIRED),
    (b"[ALERT] Please log in via your web browser: https://support.google.com/x (Failure)", Reason.WEB_LOGIN_REQUIRED),
    (b"[WEBALERT https://accounts.google.com/signin/continue?x=1] Web login required.", Reason.WEB_LOGIN_REQUIRED),
    (b"[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page", Reason.IMAP_OFF),
    (b"[ALERT] IMAP access is disabled for your domain. Please contact your domain administrator", Reason.IMAP_OFF),
    (b"[ALERT] Too many simultaneous connections. (Failure)", Reason.UPSTREAM_LIMIT),
    (b"[LIMIT] Too many", Reason.UPSTREAM_LIMIT),
    (b"[LIMIT] IMAP command sent too fast", Reason.UPSTREAM_THROTTLED),
    (b"[UNAVAILABLE] Temporary System Problem (Failure)", Reason.UPSTREAM_TEMPORARY),
    (b"Try again later. (Failure)", Reason.UPSTREAM_TEMPORARY),
    (b"[SERVERBUG] Oops", Reason.UPSTREAM_TEMPORARY),
    (b"[inuse] Busy", Reason.UPSTREAM_TEMPORARY),
    (b"[OVERQUOTA] Account exceeded command or bandwidth limits.", Reason.UPSTREAM_OVERQUOTA),
    (b"[ALERT] Account exceeded command or bandwidth limits. (Failure)", Reason.UPSTREAM_OVERQUOTA),
]


@pytest.mark.parametrize(("text", "reason"), KNOWN)
def test_known_words_are_told_apart(text: bytes, reason: Reason) -> None:
    assert reason_of([text], Reason.UPSTREAM_PROTOCOL) is reason


@pytest.mark.parametrize("text", [b"", b"No", b"[ALERT] Something new", b"[X-OTHER] a", b"\xff\xfe"])
def test_unknown_words_mean_what_the_caller_says(text: bytes) -> None:
    assert reason_of([text], OTHERWISE) is OTHERWISE
    assert reason_of([text], Reason.UPSTREAM_TEMPORARY) is Reason.UPSTREAM_TEMPORARY


def test_an_untagged_line_may_say_more_than_the_final_one() -> None:
    words = [b"[AUTHENTICATIONFAILED] Invalid credentials (Failure)", b"[WEBALERT https://x] Web login required."]
    assert reason_of(words, OTHERWISE) is Reason.WEB_LOGIN_REQUIRED


def test_no_words_of_gmail_are_the_clients_fault() -> None:
    assert all(reason.outcome is not Outcome.REFUSED for _, reason in KNOWN)
