"""What POP3 and SMTP share on Gmail's side, shown with a back of one command; the protocols' dialogues are in tests/wire."""

import pytest

from cgappliance.model import Grant, GrantMechanism, MailProtocol, Reason
from cgappliance.proto.events import Accepted, Greeted, NeedData, Refused, Send
from cgappliance.proto.limits import PreLoginLimits
from cgappliance.proto.lineback import Garbled, LineBack, Reply, Status
from cgappliance.secret import Secret
from tests.wire.fuzz import held

GRANT = Grant(GrantMechanism.PASSWORD, "taro@acme.example", Secret("correct horse"))


class ToyBack(LineBack):
    """``yes`` is done, ``go on`` a challenge, ``no`` a failure, ``more`` the first of several lines."""

    protocol = MailProtocol.POP3
    command_limit = 20

    def _reply(self, line: bytes) -> Reply | None:
        if line == b"more":
            return None
        if line.startswith(b"no"):
            return Reply(Status.FAILED, line, reason=Reason.CREDENTIAL_REFUSED)
        if line in {b"yes", b"go on"}:
            return Reply(Status.DONE if line == b"yes" else Status.GO_ON, line, (b"",))
        raise Garbled("sent nonsense")

    def _start(self, grant: Grant) -> None:
        self._authenticate(b"TOY", [grant.username.encode()[:4], grant.secret.reveal().encode()])


@pytest.fixture
def back() -> ToyBack:
    return ToyBack(PreLoginLimits(reply_line=40))


@pytest.fixture
def greeted(back: ToyBack) -> ToyBack:
    back.feed(b"yes\r\n")
    assert back.next_event() == Greeted()
    return back


def test_login_runs_through_its_turns(greeted: ToyBack) -> None:
    greeted.login(GRANT)
    assert greeted.next_event() == Send(b"AUTH TOY taro\r\n")
    greeted.feed(b"go on\r\n")
    assert greeted.next_event() == Send(b"correct horse\r\n")

    greeted.feed(b"more\r\nyes\r\nrest")

    assert greeted.next_event() == Accepted(b"yes")
    assert greeted.next_event() == NeedData()
    assert (greeted.unread(), greeted.unread()) == (b"rest", b"")


def test_command_at_the_limit_goes_in_one_line_and_beyond_in_two(back: ToyBack) -> None:
    back._authenticate(b"TOY", [b"x" * 9])
    back._authenticate(b"TOY", [b"x" * 10])

    assert back.next_event() == Send(b"AUTH TOY xxxxxxxxx\r\n")
    assert back.next_event() == Send(b"AUTH TOY\r\n")


def test_login_before_the_greeting_is_our_bug(back: ToyBack) -> None:
    with pytest.raises(RuntimeError, match="after Greeted"):
        back.login(GRANT)


def test_second_login_is_our_bug(greeted: ToyBack) -> None:
    greeted.login(GRANT)

    with pytest.raises(RuntimeError, match="once"):
        greeted.login(GRANT)


def test_what_came_before_the_login_is_no_answer_to_it(back: ToyBack) -> None:
    back.feed(b"yes\r\nyes\r\n")
    back.next_event()

    back.login(GRANT)

    assert back.next_event() == Refused(Reason.UPSTREAM_PROTOCOL, "yes")


def test_refusal_stays_and_nothing_is_kept(greeted: ToyBack) -> None:
    greeted.login(GRANT)
    greeted.next_event()
    greeted.feed(b"no\r\nyes\r\n")
    refused = greeted.next_event()
    greeted.feed(b"yes\r\n")

    assert refused == Refused(Reason.CREDENTIAL_REFUSED, "no")
    assert greeted.next_event() == refused
    assert greeted.unread() == b""


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"x" * 40, "sent a line that is too long"),
        (b"gibberish\r\n", "sent nonsense: gibberish"),
        (b"yes\ryes\r\n", "sent a line with control characters: yes\ufffdyes"),
        (b"yes\0\r\n", "sent a line with control characters: yes\ufffd"),
    ],
)
def test_what_is_no_reply_is_refused(back: ToyBack, sent: bytes, text: str) -> None:
    back.feed(sent)

    assert back.next_event() == Refused(Reason.UPSTREAM_PROTOCOL, text)


@pytest.mark.parametrize("breaker", ["\r", "\n", "\0", "\x01"])
@pytest.mark.parametrize("place", ["username", "secret"])
def test_grant_that_would_break_out_is_not_sent(greeted: ToyBack, breaker: str, place: str) -> None:
    parts = {"username": "taro@acme.example", "secret": "horse"}
    parts[place] += breaker + "DELE 1"

    greeted.login(Grant(GrantMechanism.PASSWORD, parts["username"], Secret(parts["secret"])))

    event = greeted.next_event()
    assert isinstance(event, Refused)
    assert event.reason is Reason.PROVIDER_FAILED


def test_words_of_a_refusal_hide_the_secret(greeted: ToyBack) -> None:
    greeted.login(GRANT)
    greeted.next_event()

    greeted.feed(b"no: correct horse\r\n")

    assert greeted.next_event() == Refused(Reason.CREDENTIAL_REFUSED, "no: ****")


@pytest.mark.parametrize("answer", [b"no\r\n", b"go on\r\nyes\r\n"])
def test_credential_is_not_kept_beyond_the_end(greeted: ToyBack, answer: bytes) -> None:
    greeted.login(Grant(GrantMechanism.PASSWORD, "x" * 5000, Secret("y" * 5000)))
    greeted.feed(answer)
    while not isinstance(greeted.next_event(), Accepted | Refused):
        pass

    assert held(greeted) < 500
