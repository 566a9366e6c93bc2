import pytest

from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.proto.events import Farewell
from cgappliance.proto.replies import REPLIES, ends_connection, farewell, refusal

IMAP, POP3, SMTP = MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SMTP
FAILURES = [reason for reason in Reason if reason.outcome is not Outcome.ACCEPTED]

CODES = [
    (Reason.WRONG_PASSWORD, b"NO [AUTHENTICATIONFAILED]", b"-ERR [AUTH]", b"535 5.7.8"),
    (Reason.DIRECTORY_TIMEOUT, b"NO [UNAVAILABLE]", b"-ERR [SYS/TEMP]", b"454 4.7.0"),
    (Reason.IMAP_OFF, b"NO [CONTACTADMIN]", b"-ERR [SYS/PERM]", b"454 4.7.0"),
    (Reason.CONNECTION_LIMIT, b"NO [LIMIT]", b"-ERR [IN-USE]", b"421 4.7.0"),
    (Reason.THROTTLED, b"NO [LIMIT]", b"-ERR [LOGIN-DELAY]", b"451 4.3.2"),
    (Reason.SHUTDOWN, b"* BYE", b"-ERR [SYS/TEMP]", b"421 4.3.2"),
]


@pytest.mark.parametrize(("reason", "imap", "pop3", "smtp"), CODES, ids=lambda value: getattr(value, "value", None))
def test_each_outcome_has_its_code_in_each_protocol(reason: Reason, imap: bytes, pop3: bytes, smtp: bytes) -> None:
    assert refusal(IMAP, reason).startswith(imap + b" ")
    assert refusal(POP3, reason).startswith(pop3 + b" ")
    assert refusal(SMTP, reason).startswith(smtp + b" ")


@pytest.mark.parametrize("protocol", MailProtocol)
def test_all_refusals_look_the_same(protocol: MailProtocol) -> None:
    answers = {refusal(protocol, reason) for reason in FAILURES if reason.outcome is Outcome.REFUSED}

    assert len(answers) == 1
    assert answers.pop().endswith(b" You are not allowed to access this server")


@pytest.mark.parametrize("protocol", MailProtocol)
@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, Outcome.MISCONFIGURED])
def test_a_fault_that_is_not_the_clients_never_makes_it_ask_for_the_password(protocol: MailProtocol, outcome: Outcome) -> None:
    for reason in FAILURES:
        if reason.outcome is outcome:
            assert not refusal(protocol, reason).startswith((b"NO [AUTH", b"-ERR [AUTH", b"535"))


def test_every_failing_outcome_is_in_the_table() -> None:
    assert set(REPLIES) == set(Outcome) - {Outcome.ACCEPTED}


@pytest.mark.parametrize("protocol", MailProtocol)
def test_an_answer_is_one_short_ascii_line(protocol: MailProtocol) -> None:
    for reason in FAILURES:
        assert len(refusal(protocol, reason)) <= 250
        assert refusal(protocol, reason).decode("ascii").isprintable()


def test_accepted_has_no_refusal() -> None:
    with pytest.raises(ValueError, match="no refusal"):
        refusal(IMAP, Reason.ACCEPTED)


def test_answers_that_announce_a_close_are_known() -> None:
    assert [ends_connection(protocol, Reason.SHUTDOWN) for protocol in (IMAP, POP3, SMTP)] == [True, True, True]
    assert [ends_connection(protocol, Reason.CONNECTION_LIMIT) for protocol in (IMAP, POP3, SMTP)] == [False, False, True]
    assert not any(ends_connection(protocol, Reason.WRONG_PASSWORD) for protocol in MailProtocol)


@pytest.mark.parametrize("why", Farewell)
def test_imap_and_smtp_say_farewell_in_their_own_words(why: Farewell) -> None:
    assert farewell(IMAP, why).startswith(b"* BYE ")
    assert farewell(SMTP, why).startswith(b"421 4.")
    assert farewell(IMAP, why).endswith(b"\r\n")


def test_pop3_is_silent_at_a_timeout_only() -> None:
    assert farewell(POP3, Farewell.TIMEOUT) == b""
    assert farewell(POP3, Farewell.SHUTDOWN).startswith(b"-ERR [SYS/TEMP] ")
    assert farewell(POP3, Farewell.CONNECTION_LIMIT).startswith(b"-ERR [IN-USE] ")
