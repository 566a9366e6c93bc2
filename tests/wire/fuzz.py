"""Drives fronts and backs with arbitrary bytes cut anywhere, and weighs what they hold meanwhile. For the test_fuzz_* files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from cgappliance.model import Grant, Reason
from cgappliance.proto.events import Accepted, Back, Close, Front, Greeted, LoginAttempt, NeedData, Refused, Send

CHUNK = 4096  # what a driver feeds at a time: "a few KiB"
EVENTS_AT_MOST = 10_000  # of one chunk: a machine that never asks for data would hang the test


@dataclass
class Run:
    """What came of one run."""

    events: list[Any] = field(default_factory=list)
    rest: bytes = b""  # what the machine had not read at the end
    held_at_most: int = 0  # octets of bytes and text anywhere in the machine, whenever it asked for more


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return the data in pieces that end at the places (modulo its length) and at every CHUNK."""
    ends = {place % (len(data) + 1) for place in places} | set(range(0, len(data), CHUNK)) | {len(data)}
    ordered = sorted(ends)
    return [data[start:end] for start, end in zip([0, *ordered], ordered, strict=False) if end > start]


def drive_front(front: Front, pieces: Sequence[bytes], answers: Sequence[Reason | None]) -> Run:
    """Feed the pieces; answer the first logins with the reasons given (None: accept), then with a refusal."""
    run, waiting = Run(), list(answers)
    for at, piece in enumerate(pieces):
        front.feed(piece)
        for event in _drain(front, run):
            if isinstance(event, Close):
                return run
            if isinstance(event, LoginAttempt):
                reason = waiting.pop(0) if waiting else Reason.WRONG_PASSWORD
                if reason is not None:
                    run.events.append(front.refuse(reason))
                    continue
                run.events.append(front.accept(Accepted(b"welcome")))
                run.rest = front.unread() + b"".join(pieces[at + 1 :])
                return run
            assert isinstance(event, Send), event
    return run


def drive_back(back: Back, turns: Sequence[Sequence[bytes]], grant: Grant) -> Run:
    """Feed the pieces of each turn; log in when the turn in which the upstream greeted is over."""
    run = Run()
    for turn in turns:
        for at, piece in enumerate(turn):
            back.feed(piece)
            for event in _drain(back, run):
                if isinstance(event, Accepted):
                    run.rest = back.unread() + b"".join(turn[at + 1 :])
                if isinstance(event, Accepted | Refused):
                    return run
                assert isinstance(event, Send | Greeted), event
        if run.events and run.events[-1] == Greeted():
            back.login(grant)
            for event in _drain(back, run):
                if isinstance(event, Refused):
                    return run
                assert isinstance(event, Send), event
    return run


def _drain(machine: Any, run: Run) -> Iterable[Any]:
    for _ in range(EVENTS_AT_MOST):
        event = machine.next_event()
        if isinstance(event, NeedData):
            run.held_at_most = max(run.held_at_most, held(machine))
            return
        run.events.append(event)
        yield event
    raise AssertionError("never asks for more")


def held(thing: Any, seen: set[int] | None = None) -> int:
    """Return the octets of all bytes and text that are reachable from a machine's own attributes."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, dict):
        return sum(held(item, seen) for item in thing.values())
    if isinstance(thing, list | tuple | set | frozenset) or type(thing).__name__ == "deque":
        return sum(held(item, seen) for item in thing)
    if not type(thing).__module__.startswith("cgappliance."):
        return 0
    slots = [slot for kind in type(thing).__mro__ for slot in getattr(kind, "__slots__", ())]
    own = [getattr(thing, slot) for slot in slots if hasattr(thing, slot)]
    return sum(held(item, seen) for item in (*own, *getattr(thing, "__dict__", {}).values()))


def talk(lines: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return streams of a protocol's own lines, long runs and noise, with line ends of all kinds between them."""
    runs = st.builds(lambda octet, count: bytes([octet]) * count, st.integers(0, 255), st.sampled_from([1, 500, 1100, 9000, 13000]))
    parts = st.sampled_from(lines) | st.binary(max_size=40) | runs
    ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])
    return st.lists(st.builds(bytes.__add__, parts, ends), max_size=12).map(b"".join)


cuts = st.lists(st.integers(0, 1 << 20), max_size=12)
