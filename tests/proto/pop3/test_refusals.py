import pytest

from cgappliance.model import Reason
from cgappliance.proto.pop3.refusals import reason_of

GMAIL = [
    ("-ERR [AUTH] Username and password not accepted.", Reason.CREDENTIAL_REFUSED),
    ("-ERR [AUTH] Invalid credentials.", Reason.CREDENTIAL_REFUSED),
    ("-ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754", Reason.WEB_LOGIN_REQUIRED),
    ("-ERR [AUTH] Application-specific password required", Reason.APP_PASSWORD_REQUIRED),
    ("-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page", Reason.POP_OFF),
    ("-ERR [SYS/PERM] POP access is disabled for your domain.", Reason.POP_OFF),
    ("-ERR [IN-USE] Unable to lock maildrop: mailbox is locked by another POP session", Reason.UPSTREAM_LIMIT),
    ("-ERR [AUTH] Account exceeded pop command or bandwidth limits (Failure)", Reason.UPSTREAM_OVERQUOTA),
    ("-ERR [LOGIN-DELAY] Minimum time between logins not met", Reason.UPSTREAM_THROTTLED),
    ("-ERR [SYS/TEMP] Temporary system problem. Please try again later.", Reason.UPSTREAM_TEMPORARY),
]

OTHERS = [
    ("-ERR [AUTH] Authentication failed.", Reason.CREDENTIAL_REFUSED),
    ("-ERR [auth/token] expired", Reason.CREDENTIAL_REFUSED),
    ("-ERR [SYS/TEMP/DB] down", Reason.UPSTREAM_TEMPORARY),
    ("-ERR [SYS/TEMPORAL] no such code", Reason.UPSTREAM_PROTOCOL),
    ("-ERR [SYS/PERM] The mailbox is corrupt", Reason.UPSTREAM_PROTOCOL),
    ("-ERR [X-NEW] something", Reason.UPSTREAM_PROTOCOL),
    ("-ERR [unclosed", Reason.UPSTREAM_PROTOCOL),
    ("-ERR Temporary system problem", Reason.UPSTREAM_TEMPORARY),
]


@pytest.mark.parametrize(("line", "reason"), GMAIL + OTHERS)
def test_words_and_codes_have_their_reason(line: str, reason: Reason) -> None:
    assert reason_of(line.encode(), uncoded=Reason.UPSTREAM_TIMEOUT) is reason


@pytest.mark.parametrize("line", [b"-ERR", b"-ERR no", b"-ERR \xff\xfe", b"-ERR see [AUTH]"])
def test_line_without_a_code_is_left_to_the_caller(line: bytes) -> None:
    assert reason_of(line, uncoded=Reason.UPSTREAM_TIMEOUT) is Reason.UPSTREAM_TIMEOUT
