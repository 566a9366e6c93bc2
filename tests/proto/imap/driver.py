"""Drives a front or a back as the appliance does: events until it wants data, then more data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cgappliance.model import Credentials, Grant, GrantMechanism, Reason
from cgappliance.proto.events import Accepted, BackEvent, Close, Greeted, LoginAttempt, NeedData, Refused, Send
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.secret import Secret

TOKEN = "ya29.A0ARrdaM-token-of-the-test"


@dataclass
class Talk:
    """What a front said and asked for while it was fed."""

    said: bytes = b""
    attempts: list[Credentials] = field(default_factory=list)
    closed: str = ""
    most_held: int = 0  # octets between two pieces


def talk(front: ImapFront, pieces: Iterable[bytes], answer: Reason | Accepted | None = None) -> Talk:
    """Feed the pieces; give ``answer`` to each login, or leave it waiting."""
    heard = Talk()
    for piece in pieces:
        front.feed(piece)
        while not isinstance(event := front.next_event(), NeedData):
            match event:
                case Send(data):
                    heard.said += data
                case Close(data, why):
                    heard.said, heard.closed = heard.said + data, why
                    return heard
                case LoginAttempt(credentials):
                    heard.attempts.append(credentials)
                    heard.said += _answered(front, answer)
        heard.most_held = max(heard.most_held, held(front))
    return heard


def _answered(front: ImapFront, answer: Reason | Accepted | None) -> bytes:
    if answer is None:
        return b""
    return front.refuse(answer) if isinstance(answer, Reason) else front.accept(answer)


def held(front: ImapFront) -> int:
    """Octets of the client that the front keeps, wherever they are."""
    words = sum(len(token.value) + 1 for token in front._reader._partial.arguments)
    answers = sum(len(answer) for answer in front._exchange.answers) if front._exchange else 0
    return len(front._buffer) + words + answers


def one_byte_each(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def xoauth2(username: str = "taro@acme.example", secret: str = TOKEN) -> Grant:
    return Grant(GrantMechanism.XOAUTH2, username, Secret(secret))


def password(secret: str = "abcdefghijklmnop") -> Grant:
    return Grant(GrantMechanism.PASSWORD, "taro@acme.example", Secret(secret))


def greeted(grant: Grant | None = None, **kwargs: object) -> ImapBack:
    """Return a back whose server has greeted; with a grant, also one whose login has been sent."""
    back = ImapBack(**kwargs)  # type: ignore[arg-type]
    back.feed(b"* OK Gimap ready\r\n")
    assert back.next_event() == Greeted()
    if grant:
        back.login(grant)
        assert isinstance(back.next_event(), Send)
    return back


def outcome(back: ImapBack, pieces: Iterable[bytes]) -> tuple[list[bytes], BackEvent]:
    """Feed the pieces; return what the back sent, and its Accepted, Refused or last NeedData."""
    sent: list[bytes] = []
    for piece in pieces:
        back.feed(piece)
        while not isinstance(event := back.next_event(), NeedData):
            if isinstance(event, Accepted | Refused):
                return sent, event
            if isinstance(event, Send):
                sent.append(event.data)
    return sent, NeedData()
