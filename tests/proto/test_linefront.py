"""What POP3 and SMTP share, shown with a front of one command; the protocols' own words are in tests/wire."""

import pytest

from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.proto.events import Accepted, Close, Farewell, FrontEvent, LoginAttempt, NeedData, Send
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.linefront import LineFront, Words
from cgappliance.proto.replies import REPLIES

LIMITS = PreLoginLimits(sasl_line=40, commands=6, bad_commands=2, login_tries=2)
LOGIN = b"AUTH PLAIN AGFAYi5jAHA=\r\n"  # NUL a@b.c NUL p


class ToyFront(LineFront):
    protocol = MailProtocol.POP3
    words = Words(
        challenge=b"> ",
        cancelled=b"cancelled",
        malformed=b"malformed",
        unknown_mechanism=b"unknown mechanism",
        line_too_long=b"line too long",
        answer_too_long=b"answer too long",
        too_many_commands=b"too many commands",
        too_many_bad_commands=b"too many bad commands",
        too_many_tries=b"too many tries",
    )

    def greeting(self) -> bytes:
        return b"hello\r\n"

    def _command(self, verb: bytes, argument: bytes) -> FrontEvent:
        if verb == b"AUTH":
            return self._start_sasl(argument)
        return self._say(b"did " + argument) if verb == b"DO" else self._bad(b"what")


@pytest.fixture
def front() -> ToyFront:
    return ToyFront(10, LIMITS)


def test_verb_is_upper_case_and_argument_is_the_rest(front: ToyFront) -> None:
    front.feed(b"do  a b \r\n")

    assert front.next_event() == Send(b"did  a b \r\n")
    assert front.next_event() == NeedData()


def test_only_auth_may_be_longer_than_a_command(front: ToyFront) -> None:
    front.feed(b"DO 45678\r\nDO 456789\r\nAUTH PLAIN AGFAYi5jAHA=\r\n")

    assert front.next_event() == Send(b"did 45678\r\n")
    assert front.next_event() == Send(b"line too long\r\n")
    assert isinstance(front.next_event(), LoginAttempt)


def test_line_beyond_every_limit_is_answered_once_and_dropped(front: ToyFront) -> None:
    front.feed(b"DO " + b"x" * 37)
    assert front.next_event() == Send(b"line too long\r\n")

    front.feed(b"DO " * 1000)
    front.feed(b"\r\nDO 1\r\n")

    assert front.next_event() == Send(b"did 1\r\n")


def test_nothing_is_read_while_a_login_waits(front: ToyFront) -> None:
    front.feed(LOGIN + b"DO 1\r\n")
    assert isinstance(front.next_event(), LoginAttempt)
    assert front.next_event() == NeedData()

    front.refuse(Reason.WRONG_PASSWORD)

    assert front.next_event() == Send(b"did 1\r\n")


def test_commands_behind_an_accepted_login_are_unread_once(front: ToyFront) -> None:
    front.feed(LOGIN + b"DO 1\r\nDO")
    front.next_event()

    assert front.accept(Accepted(b"+OK Welcome.")) == b"+OK Welcome.\r\n"
    assert front.next_event() == NeedData()
    assert front.unread() == b"DO 1\r\nDO"
    assert front.unread() == b""


def test_budget_of_commands_ends_the_connection(front: ToyFront) -> None:
    front.feed(b"DO 1\r\n" * 7 + b"DO 2\r\n")

    assert [front.next_event() for _ in range(6)] == [Send(b"did 1\r\n")] * 6
    assert front.next_event() == Close(b"too many commands\r\n", "too_many_commands")


@pytest.mark.parametrize("bad", [b"XX\r\n", b"DO 4567890\r\n", b"AUTH PLAIN !\r\n", b"AUTH LOGIN\r\n!\r\n"])
def test_budget_of_bad_commands_ends_the_connection(front: ToyFront, bad: bytes) -> None:
    front.feed(bad * 2)
    events = []
    while not isinstance(event := front.next_event(), Close):
        events.append(event)

    assert event == Close(b"too many bad commands\r\n", "too_many_bad_commands")
    assert NeedData() not in events


def test_budget_of_tries_ends_the_connection_after_the_last_answer(front: ToyFront) -> None:
    front.feed(LOGIN * 3)
    front.next_event()
    front.refuse(Reason.WRONG_PASSWORD)
    front.next_event()

    assert front.refuse(Reason.WRONG_PASSWORD).startswith(b"-ERR [AUTH]")
    assert front.next_event() == Close(b"too many tries\r\n", "too_many_tries")


def test_after_a_close_nothing_is_kept_and_the_answer_stays(front: ToyFront) -> None:
    front.feed(b"DO 1\r\n" * 8)
    while not isinstance(close := front.next_event(), Close):
        pass
    front.feed(b"DO 2\r\n")

    assert front.next_event() == close
    assert front.unread() == b""


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED])
def test_reasons_of_one_outcome_sound_the_same(outcome: Outcome) -> None:
    answers = set()
    for reason in Reason:
        if reason.outcome is outcome:
            front = ToyFront(10, LIMITS)
            front.feed(LOGIN)
            front.next_event()
            answers.add(front.refuse(reason))

    assert answers == {REPLIES[outcome].line(MailProtocol.POP3) + b"\r\n"}


def test_answer_to_no_login_is_our_bug(front: ToyFront) -> None:
    with pytest.raises(RuntimeError, match="no login"):
        front.refuse(Reason.WRONG_PASSWORD)
    with pytest.raises(RuntimeError, match="no login"):
        front.accept(Accepted(b"+OK"))


def test_exchange_is_forgotten_when_cancelled(front: ToyFront) -> None:
    front.feed(b"AUTH LOGIN\r\nYUBiLmM=\r\n*\r\nAUTH LOGIN\r\n")

    assert [front.next_event() for _ in range(4)] == [
        Send(b"> VXNlcm5hbWU6\r\n"),
        Send(b"> UGFzc3dvcmQ6\r\n"),
        Send(b"cancelled\r\n"),
        Send(b"> VXNlcm5hbWU6\r\n"),
    ]


def test_farewell_is_the_protocols(front: ToyFront) -> None:
    assert front.bye(Farewell.SHUTDOWN) == b"-ERR [SYS/TEMP] The service is restarting, please connect again\r\n"
