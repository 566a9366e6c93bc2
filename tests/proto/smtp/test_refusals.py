import pytest

from cgappliance.model import Reason
from cgappliance.proto.smtp.refusals import reason_of

GMAIL = [
    (
        "535-5.7.8 Username and Password not accepted. For more information, go to|535 5.7.8  https://x/?p=BadCredentials",
        "credential_refused",
    ),
    ("534-5.7.9 Application-specific password required. For more information, go to|534 5.7.9  https://x", "app_password_required"),
    ("534-5.7.9 Please see|534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp", "app_password_required"),
    ("534-5.7.14 <https://x> Please log in through your web browser and then try again.|534 5.7.14 x", "web_login_required"),
    ("534-5.7.14 <https://x> Please log in via your web|534 5.7.14 browser and then try again.", "web_login_required"),
    ("534 5.7.9 Please log in with your web browser and then try again.", "web_login_required"),
    ("454 4.7.0 Too many login attempts, please try again later.", "upstream_throttled"),
    ("454 4.7.0 Cannot authenticate due to a temporary system problem", "upstream_temporary"),
    ("421 4.7.0 Try again later, closing connection", "upstream_temporary"),
    ("421 4.3.0 Temporary System Problem", "upstream_temporary"),
    ("421 4.4.5 Server busy", "upstream_temporary"),
    ("421 4.7.0 Too many concurrent connections", "upstream_limit"),
    ("550 5.4.5 Daily user sending limit exceeded", "upstream_overquota"),
    ("504 5.7.4 Unrecognized Authentication Type", "upstream_protocol"),
    ("554 5.7.0 Too many unauthenticated commands", "upstream_protocol"),
]

OTHERS = [
    ("535 Authentication failed", "credential_refused"),
    ("534 5.7.9 unknown words", "app_password_required"),
    ("534 5.7.14 unknown words", "web_login_required"),
    ("534 5.7.90 unknown words", "upstream_protocol"),
    ("534 unknown words", "upstream_protocol"),
    ("432 4.7.12 A password transition is needed", "upstream_temporary"),
    ("451", "upstream_temporary"),
    ("550", "upstream_protocol"),
    ("250 OK", "upstream_protocol"),
    ("399 ?", "upstream_protocol"),
    ("400 ?", "upstream_temporary"),
    ("499 ?", "upstream_temporary"),
    ("500 ?", "upstream_protocol"),
]


@pytest.mark.parametrize(("reply", "reason"), GMAIL + OTHERS)
def test_words_and_codes_have_their_reason(reply: str, reason: str) -> None:
    lines = reply.split("|")

    assert reason_of(int(reply[:3]), [line[4:].encode() for line in lines]) is Reason(reason)
