"""Plays transcripts (script.py has the notation) against a front or a back and says ``file:line`` and both sides where they part.

Each transcript is played three ways: as written, byte by byte, and with the bytes of its peer joined into one piece up to
where the dialogue needs an answer. What the machine says must be the same each time.

Directives for a front: ``login ADDRESS PASSWORD`` (``-``: no address), then about that attempt ``defect CODE``,
``mechanism NAME``, ``typed LOGIN``, ``recent``; ``untagged LINE`` and ``ehlo A|B`` for the coming ``accept FINAL``;
``refuse CODE``; ``unread TEXT``; ``bye FAREWELL``; ``client TEXT``; ``close WHY``.

Directives for a back: ``greeted``; ``login xoauth2|password USER SECRET`` (a Greeted must have come, named or not);
``accepted FINAL``, then ``untagged LINES`` and ``ehlo A|B``; ``refused CODE``, then ``said TEXT``; ``unread TEXT``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cgappliance.model import Grant, GrantMechanism, Reason
from cgappliance.proto.events import Accepted, Back, Close, Farewell, Front, Greeted, LoginAttempt, NeedData, Refused, Send
from cgappliance.secret import Secret
from tests.wire.script import Script, Step, matches, parse

EVENTS_AT_MOST = 10_000  # of one feed; a machine that never asks for data would hang the test

MakeFront = Callable[[Mapping[str, str]], Front]
MakeBack = Callable[[Mapping[str, str]], Back]


class Feeding(enum.Enum):
    """The three ways to play a transcript."""

    AS_WRITTEN = "as written"
    BYTE_BY_BYTE = "byte by byte"
    JOINED = "joined"


class Mismatch(AssertionError):
    """The machine did something else than the transcript says."""


def play_front(path: Path, make: MakeFront, feeding: Feeding) -> None:
    """Play a client's transcript against the front that ``make`` returns for the transcript's options.

    Raises:
        Mismatch: the front did something else.
        Malformed: the transcript is wrong.
    """
    script = parse(path)
    FrontPlayer(script, feeding, make(script.options)).play()


def play_back(path: Path, make: MakeBack, feeding: Feeding) -> None:
    """Play an upstream's transcript against the back that ``make`` returns for the transcript's options.

    Raises:
        Mismatch: the back did something else.
        Malformed: the transcript is wrong.
    """
    script = parse(path)
    BackPlayer(script, feeding, make(script.options)).play()


class Player:
    """One run of one transcript: feeds the peer's bytes and compares what came of it, step by step."""

    peer = ""  #: the kind of step whose bytes are fed
    answers: frozenset[str] = frozenset()  #: the directives that a joined piece does not reach across

    def __init__(self, script: Script, feeding: Feeding, machine: Any) -> None:
        self.script = script
        self.feeding = feeding
        self.machine = machine
        self.came: list[Any] = []  # bytes and events that no step has asked for yet, oldest first
        self.last: Any = None  # the event that later directives look into
        self.waiting = False  # for an answer, or finished: bytes are stored, events not asked for
        self.over = False  # closed or refused: nothing may be fed
        self.unread_checked = False

    def play(self) -> None:
        """Play all steps."""
        joined = self.joined_pieces() if self.feeding is Feeding.JOINED else None
        for step in self.script.steps:
            if step.kind == "!":
                self.obey(step)
            elif step.kind != self.peer:
                self.expect_line(step)
            elif joined is None:
                self.feed(step, self.split(step.text))
            elif step.line in joined:
                self.feed(step, [joined[step.line]])
        self.finish()

    def joined_pieces(self) -> dict[int, bytes]:
        """Return for the line where each piece begins the whole piece."""
        pieces: dict[int, bytes] = {}
        begin = 0
        for step in self.script.steps:
            if step.kind == self.peer:
                begin = begin or step.line
                pieces[begin] = pieces.get(begin, b"") + step.text
            elif self.needs_answer(step):
                begin = 0
        return pieces

    def needs_answer(self, step: Step) -> bool:
        return step.verb in self.answers

    def split(self, text: bytes) -> Iterator[bytes]:
        if self.feeding is Feeding.BYTE_BY_BYTE:
            return (text[at : at + 1] for at in range(len(text)))
        return iter((text,))

    def feed(self, step: Step, pieces: Any) -> None:
        if self.over:
            raise self.mismatch(step, "more bytes", "the end of the connection")
        for piece in pieces:
            self.machine.feed(piece)
            self.collect(step)
            if self.over:
                return

    def collect(self, step: Step) -> None:
        """Take events until the machine wants more bytes, an answer, or nothing more."""
        for _ in range(EVENTS_AT_MOST):
            if self.waiting or self.over:
                return
            event = self.machine.next_event()
            if isinstance(event, NeedData):
                return
            self.take(step, event)
        raise self.mismatch(step, "NeedData at last", f"{EVENTS_AT_MOST} events")

    def take(self, step: Step, event: Any) -> None:
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        if self.came and isinstance(self.came[-1], bytes):
            data = self.came.pop() + data
        if data:
            self.came.append(data)

    def next_came(self) -> Any:
        return self.came[0] if self.came else None

    def expect_line(self, step: Step) -> None:
        head = self.next_came()
        line, crlf, rest = head.partition(b"\r\n") if isinstance(head, bytes) else (b"", b"", b"")
        if not isinstance(head, bytes) or not matches(step.text, line + crlf):
            raise self.mismatch(step, step.text, line + crlf if isinstance(head, bytes) else head)
        self.came[:1] = [rest] if rest else []

    def expect_event(self, step: Step, kind: type) -> Any:
        head = self.next_came()
        if not isinstance(head, kind):
            raise self.mismatch(step, kind.__name__, head)
        self.last = self.came.pop(0)
        return self.last

    def check(self, step: Step, expected: object, got: object) -> None:
        if expected != got:
            raise self.mismatch(step, expected, got)

    def obey(self, step: Step) -> None:
        method = getattr(self, f"do_{step.verb}", None)
        if method is None:
            raise self.mismatch(step, f"a directive of a {type(self).__name__}", step.verb)
        method(step, step.argument)

    def do_unread(self, step: Step, argument: str) -> None:
        self.unread_checked = True
        self.check(step, argument.encode("utf-8", "surrogateescape"), self.machine.unread())

    def finish(self) -> None:
        """Check that nothing came that no step asked for."""
        last = self.script.steps[-1]
        if self.came:
            raise self.mismatch(last, "nothing further", self.came[0])
        if self.waiting and isinstance(self.last, LoginAttempt):
            raise self.mismatch(last, "'! accept' or '! refuse'", None)
        if self.waiting and not self.unread_checked:
            self.check(last, b"", self.machine.unread())

    def mismatch(self, step: Step, expected: object, got: object) -> Mismatch:
        place = f"{self.script.path}:{step.line}: played {self.feeding.value}"
        return Mismatch(f"{place}\n  expected: {expected!r}\n  but got:  {'nothing' if got is None else repr(got)}")


class FrontPlayer(Player):
    """Plays the client."""

    peer = "C"
    answers = frozenset({"accept", "refuse"})

    def __init__(self, script: Script, feeding: Feeding, front: Front) -> None:
        super().__init__(script, feeding, front)
        self.front = front
        self.untagged = b""
        self.ehlo: tuple[str, ...] = ()
        self.send(front.greeting())

    def take(self, step: Step, event: Any) -> None:
        match event:
            case Send(data):
                self.send(data)
            case LoginAttempt():
                self.came.append(event)
                self.waiting = True
            case Close(data):
                self.send(data)
                self.came.append(event)
                self.over = True
            case _:
                raise self.mismatch(step, "an event of a front", event)

    def do_login(self, step: Step, argument: str) -> None:
        credentials = self.expect_event(step, LoginAttempt).credentials
        address, _, password = argument.partition(" ")
        self.check(step, ("" if address == "-" else address, password), (credentials.address, credentials.password.reveal()))

    def do_defect(self, step: Step, argument: str) -> None:
        self.check(step, Reason(argument), self.last.credentials.defect)

    def do_mechanism(self, step: Step, argument: str) -> None:
        self.check(step, argument, self.last.credentials.mechanism)

    def do_typed(self, step: Step, argument: str) -> None:
        self.check(step, argument, self.last.credentials.login)

    def do_recent(self, step: Step, _argument: str) -> None:
        self.check(step, True, self.last.credentials.recent)

    def do_untagged(self, _step: Step, argument: str) -> None:
        self.untagged += argument.encode() + b"\r\n"

    def do_ehlo(self, _step: Step, argument: str) -> None:
        self.ehlo = tuple(argument.split("|"))

    def do_accept(self, step: Step, argument: str) -> None:
        self.answered(step)
        self.send(self.front.accept(Accepted(argument.encode(), self.untagged, self.ehlo)))
        self.waiting = True  # finished but for unread

    def do_refuse(self, step: Step, argument: str) -> None:
        self.answered(step)
        self.send(self.front.refuse(Reason(argument)))
        self.waiting = False
        self.collect(step)

    def answered(self, step: Step) -> None:
        if any(isinstance(item, LoginAttempt) for item in self.came) or not isinstance(self.last, LoginAttempt):
            raise self.mismatch(step, "'! login' before the answer to it", self.next_came())
        self.last = None

    def do_bye(self, _step: Step, argument: str) -> None:
        self.send(self.front.bye(Farewell(argument)))

    def do_client(self, step: Step, argument: str) -> None:
        self.check(step, argument, self.front.client_id)

    def do_close(self, step: Step, argument: str) -> None:
        self.check(step, argument, self.expect_event(step, Close).why)


class BackPlayer(Player):
    """Plays the upstream."""

    peer = "S"
    answers = frozenset({"login"})

    def __init__(self, script: Script, feeding: Feeding, back: Back) -> None:
        super().__init__(script, feeding, back)
        self.back = back
        self.greeted = False

    def needs_answer(self, step: Step) -> bool:
        return step.kind == "C" or super().needs_answer(step)

    def take(self, step: Step, event: Any) -> None:
        match event:
            case Send(data):
                self.send(data)
            case Greeted():
                self.came.append(event)
            case Accepted():
                self.came.append(event)
                self.waiting = True
            case Refused():
                self.came.append(event)
                self.over = True
            case _:
                raise self.mismatch(step, "an event of a back", event)

    def do_greeted(self, step: Step, _argument: str) -> None:
        self.expect_event(step, Greeted)
        self.greeted = True

    def do_login(self, step: Step, argument: str) -> None:
        if not self.greeted:
            self.do_greeted(step, "")
        mechanism, username, secret = argument.split(" ", 2)
        self.back.login(Grant(GrantMechanism[mechanism.upper()], username, Secret(secret)))
        self.collect(step)

    def do_accepted(self, step: Step, argument: str) -> None:
        final = self.expect_event(step, Accepted).final
        if not matches(argument.encode(), final):
            raise self.mismatch(step, argument.encode(), final)

    def do_untagged(self, step: Step, argument: str) -> None:
        self.check(step, argument.encode() + b"\r\n", self.last.untagged)

    def do_ehlo(self, step: Step, argument: str) -> None:
        self.check(step, tuple(argument.split("|")), self.last.ehlo)

    def do_refused(self, step: Step, argument: str) -> None:
        self.check(step, Reason(argument), self.expect_event(step, Refused).reason)

    def do_said(self, step: Step, argument: str) -> None:
        if not matches(argument.encode(), self.last.text.encode()):
            raise self.mismatch(step, argument, self.last.text)
