"""The runner must fail where a machine and its transcript part; shown with a toy front and a toy back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cgappliance.model import Credentials, Grant, MailProtocol, Reason
from cgappliance.proto.events import (
    Accepted,
    BackEvent,
    Close,
    Farewell,
    FrontEvent,
    Greeted,
    LoginAttempt,
    NeedData,
    Refused,
    Send,
)
from cgappliance.secret import Secret
from tests.wire.runner import Feeding, Mismatch, play_back, play_front

Play = Callable[[str, Feeding], None]


class Lines:
    """A buffer of lines, as much as the toys need."""

    protocol = MailProtocol.POP3
    client_id = "toy"

    def __init__(self) -> None:
        self.buffer = b""

    def feed(self, data: bytes) -> None:
        self.buffer += data

    def line(self) -> bytes | None:
        if b"\r\n" not in self.buffer:
            return None
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def unread(self) -> bytes:
        rest, self.buffer = self.buffer, b""
        return rest


class ToyFront(Lines):
    """``LOGIN address password`` attempts, ``BYE`` closes, all else is echoed."""

    def greeting(self) -> bytes:
        return b"hello\r\n"

    def next_event(self) -> FrontEvent:
        line = self.line()
        if line is None:
            return NeedData()
        if line == b"BYE":
            return Close(b"bye\r\n", "quit")
        if line.startswith(b"LOGIN "):
            _, address, password = line.decode().split(" ", 2)
            return LoginAttempt(Credentials(address, address, Secret(password), "LOGIN"))
        return Send(b"you said " + line + b"\r\n")

    def refuse(self, reason: Reason) -> bytes:
        return f"no {reason.outcome}\r\n".encode()

    def accept(self, accepted: Accepted) -> bytes:
        return accepted.untagged + accepted.final + b"\r\n"

    def bye(self, farewell: Farewell) -> bytes:
        return f"bye {farewell.value}\r\n".encode()


class ToyBack(Lines):
    """Greets, sends the secret, is accepted by ``yes``."""

    greeted = False
    pending = b""

    def next_event(self) -> BackEvent:
        if self.pending:
            pending, self.pending = self.pending, b""
            return Send(pending)
        line = self.line()
        if line is None:
            return NeedData()
        if not self.greeted:
            self.greeted = True
            return Greeted()
        return Accepted(line) if line.startswith(b"yes") else Refused(Reason.CREDENTIAL_REFUSED, line.decode())

    def login(self, grant: Grant) -> None:
        self.pending = f"{grant.username} {grant.secret.reveal()}\r\n".encode()


@pytest.fixture
def front(tmp_path: Path) -> Play:
    def play(text: str, feeding: Feeding) -> None:
        path = tmp_path / "front.txt"
        path.write_text(text)
        play_front(path, lambda _options: ToyFront(), feeding)

    return play


@pytest.fixture
def back(tmp_path: Path) -> Play:
    def play(text: str, feeding: Feeding) -> None:
        path = tmp_path / "back.txt"
        path.write_text(text)
        play_back(path, lambda _options: ToyBack(), feeding)

    return play


FRONT_TEXT = """\
S: hello
C: one
S: you said one
C: LOGIN a@b.example p w
! login a@b.example p w
! refuse wrong_password
S: no refused
C: LOGIN a@b.example right
C: early
! login a@b.example right
! untagged * first
! accept welcome
S: * first
S: welcome
! unread early\\r\\n
"""

BACK_TEXT = """\
S: hello
! greeted
! login password me secret
C: me secret
S: yes, welcome
S: more
! accepted yes{*}
! unread more\\r\\n
"""


@pytest.mark.parametrize("feeding", Feeding)
def test_front_that_does_as_written_passes(front: Play, feeding: Feeding) -> None:
    front(FRONT_TEXT, feeding)


@pytest.mark.parametrize("feeding", Feeding)
def test_back_that_does_as_written_passes(back: Play, feeding: Feeding) -> None:
    back(BACK_TEXT, feeding)


@pytest.mark.parametrize("feeding", Feeding)
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("S: hello", "S: hullo", 1),
        ("S: you said one", "S: you said two", 3),
        ("! login a@b.example p w", "! login a@b.example p", 5),
        ("! refuse wrong_password\n", "", 6),
        ("S: no refused", "S: no unavailable", 7),
        ("! unread early\\r\\n\n", "", 14),
        ("! unread early\\r\\n", "! unread late\\r\\n", 15),
        ("! login a@b.example right", "! close quit", 10),
        ("! accept welcome", "! dance", 12),
    ],
)
def test_front_that_does_otherwise_fails_at_the_line(front: Play, feeding: Feeding, old: str, new: str, line: int) -> None:
    with pytest.raises(Mismatch, match=rf"front\.txt:{line}: played {feeding.value}\n  expected: .*\n  but got:  "):
        front(FRONT_TEXT.replace(old, new), feeding)


@pytest.mark.parametrize("feeding", Feeding)
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("C: me secret", "C: me public", 4),
        ("! accepted yes{*}", "! accepted yes", 7),
        ("! accepted yes{*}", "! refused credential_refused", 7),
        ("! login password me secret", "! accepted yes", 3),
        ("! unread more\\r\\n\n", "", 7),
    ],
)
def test_back_that_does_otherwise_fails_at_the_line(back: Play, feeding: Feeding, old: str, new: str, line: int) -> None:
    with pytest.raises(Mismatch, match=rf"back\.txt:{line}: played {feeding.value}\n  expected: .*\n  but got:  "):
        back(BACK_TEXT.replace(old, new), feeding)


def test_output_that_no_step_asks_for_fails(front: Play) -> None:
    with pytest.raises(Mismatch, match="nothing further"):
        front("S: hello\nC: one\n", Feeding.AS_WRITTEN)


def test_login_left_without_an_answer_fails(front: Play) -> None:
    with pytest.raises(Mismatch, match="accept"):
        front("S: hello\nC: LOGIN a@b.example p\n! login a@b.example p\n", Feeding.AS_WRITTEN)


def test_client_that_goes_on_after_the_close_fails(front: Play) -> None:
    with pytest.raises(Mismatch, match="the end of the connection"):
        front("S: hello\nC: BYE\nS: bye\n! close quit\nC: again\n", Feeding.AS_WRITTEN)


@pytest.mark.parametrize("feeding", Feeding)
def test_farewell_is_compared(front: Play, feeding: Feeding) -> None:
    front("S: hello\n! bye timeout\nS: bye timeout\n", feeding)
