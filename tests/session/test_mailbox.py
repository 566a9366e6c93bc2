from __future__ import annotations

import pytest

from cgappliance.errors import LoginFailed
from cgappliance.model import Reason
from cgappliance.proto.events import Greeted, NeedData, Send
from cgappliance.session import mailbox

from .fakes import ACCEPTED, REFUSED, TOKEN, FakeBack, FakeStream


def test_greeting_is_read_and_answered() -> None:
    stream, back = FakeStream(b"220 "), FakeBack(NeedData(), Send(b"EHLO"), Greeted())
    mailbox.greet(stream, back)
    assert back.fed == b"220 "
    assert stream.sent == [b"EHLO"]


def test_login_is_started_with_the_grant_and_gives_the_mailbox() -> None:
    stream, back = FakeStream(b"235"), FakeBack(Send(b"AUTH"), NeedData(), ACCEPTED)
    opened = mailbox.log_in(stream, back, TOKEN)
    assert (opened.stream, opened.back, opened.accepted) == (stream, back, ACCEPTED)
    assert back.grant is TOKEN
    assert stream.sent == [b"AUTH"]


def test_refusal_carries_reason_and_words() -> None:
    with pytest.raises(LoginFailed) as failed:
        mailbox.log_in(FakeStream(), FakeBack(REFUSED), TOKEN)
    assert (failed.value.reason, failed.value.detail) == (Reason.UPSTREAM_TEMPORARY, "later")


def test_refusal_instead_of_a_greeting_is_one_too() -> None:
    with pytest.raises(LoginFailed, match="later"):
        mailbox.greet(FakeStream(), FakeBack(REFUSED))


@pytest.mark.parametrize("step", [mailbox.greet, lambda stream, back: mailbox.log_in(stream, back, TOKEN)])
def test_upstream_that_closes_is_unavailable(step: object) -> None:
    with pytest.raises(LoginFailed) as failed:
        step(FakeStream(), FakeBack(NeedData()))  # type: ignore[operator]
    assert failed.value.reason is Reason.UPSTREAM_UNAVAILABLE


def test_back_that_lets_in_before_it_was_asked_is_not_believed() -> None:
    with pytest.raises(LoginFailed, match="unexpected Accepted before the login"):
        mailbox.greet(FakeStream(), FakeBack(ACCEPTED))


def test_back_that_greets_instead_of_an_answer_is_not_believed() -> None:
    with pytest.raises(LoginFailed, match="unexpected Greeted after the login"):
        mailbox.log_in(FakeStream(), FakeBack(Greeted()), TOKEN)
