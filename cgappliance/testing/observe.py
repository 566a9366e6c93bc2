"""What a test must be able to see of code that it does not know: does it hold up the hub, what does it leave, what does it tell.

Used by the contract tests, and good for any test of something that waits, connects or knows a secret.
"""

from __future__ import annotations

import gc
import inspect
import time
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent
from gevent import Greenlet, monkey

from cgappliance.secret import Secret

PATCHED_COMMAND = "python -m gevent.monkey --module pytest"
TICK_S = 0.005
SETTLE_S = 3.0  #: what was told to end may need a moment to be gone
SECRET_NAMES = ("password", "passwd", "secret", "token")


def is_patched() -> bool:
    """Whether the process runs as the appliance does: under gevent's monkey patching (``PATCHED_COMMAND``)."""
    return bool(monkey.is_module_patched("socket"))


class HubWatch:
    """Notes the longest time for which other greenlets could not run."""

    def __init__(self) -> None:
        self.longest_gap_s = 0.0

    def _tick(self) -> None:
        last = time.monotonic()
        while True:
            gevent.sleep(TICK_S)
            now = time.monotonic()
            self.longest_gap_s = max(self.longest_gap_s, now - last)
            last = now


@contextmanager
def watched_hub() -> Iterator[HubWatch]:
    """Watch the hub during the block; ``longest_gap_s`` is good after it."""
    watch = HubWatch()
    ticker = gevent.spawn(watch._tick)
    gevent.sleep(0)  # let it take its first time
    try:
        yield watch
        gevent.sleep(2 * TICK_S)  # a gap that has just ended is seen by the tick after it
    finally:
        ticker.kill()


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds: native threads, greenlets, open files and sockets."""

    threads: int
    greenlets: int
    descriptors: int

    @classmethod
    def now(cls) -> Held:
        """Count them. The threads in which gevent looks up names are its own and not counted."""
        gc.collect()
        return cls(
            threads=_count("/proc/self/task") - gevent.get_hub().threadpool.size,
            greenlets=sum(issubclass(type(thing), Greenlet) and not thing.dead for thing in gc.get_objects()),
            descriptors=_count("/proc/self/fd"),
        )

    def more_than(self, before: Held) -> list[str]:
        """Return in words what is held now that was not before; empty: nothing."""
        pairs = [(name, getattr(self, name) - getattr(before, name)) for name in ("threads", "greenlets", "descriptors")]
        return [f"{count} more {name}" for name, count in pairs if count > 0]


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def left_behind(work: Callable[[], object]) -> list[str]:
    """Return what ``work`` leaves behind each time it runs, in words; empty: nothing.

    It runs twice: what the first run leaves (a cache, a hub's helpers) and the second does not add to is no leak.
    """
    work()
    before = Held.now()
    work()
    deadline = time.monotonic() + SETTLE_S
    while (left := Held.now().more_than(before)) and time.monotonic() < deadline:
        gevent.sleep(TICK_S)
    return left


def secrets_in(text: str, *secrets: str | Secret) -> list[int]:
    """Return the positions in ``secrets`` of those that stand in ``text``: so a failing test does not print them."""
    plain = [secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets]
    return [number for number, secret in enumerate(plain) if secret and secret in text]


def untyped_secrets(*objects: object) -> list[str]:
    """Return the arguments of functions, or of the methods of classes, that are named like a secret and not typed ``Secret``."""
    found = []
    for thing in objects:
        functions = [method for _, method in inspect.getmembers(thing, inspect.isfunction)] if inspect.isclass(thing) else [thing]
        for function in functions:
            found.extend(_untyped(typing.cast("Callable[..., object]", function)))
    return sorted(set(found))


def _untyped(function: Callable[..., object]) -> list[str]:
    try:
        hints = typing.get_type_hints(function)
    except NameError:  # a name that is imported for type checkers only: what is written there has to do
        hints = dict(function.__annotations__)
    bad = []
    for name in inspect.signature(function).parameters:
        hint = hints.get(name)
        if any(word in name.lower() for word in SECRET_NAMES) and not name.endswith(("_file", "_s")) and not _is_secret(hint):
            bad.append(f"{function.__module__}.{function.__qualname__}({name})")
    return bad


def _is_secret(hint: object) -> bool:
    if isinstance(hint, str):
        return hint.removesuffix(" | None") in {"Secret", "cgappliance.secret.Secret"}
    return hint is Secret or (Secret in typing.get_args(hint) and set(typing.get_args(hint)) <= {Secret, type(None)})
