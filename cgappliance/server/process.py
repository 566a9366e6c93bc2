"""The supervisor's side of a process that it has forked: channel, last sign of life, and the questions that it owes answers to."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import gevent
from gevent.event import AsyncResult, Event

from cgappliance.server.channel import Channel, Message
from cgappliance.server.site import SITE

ANSWER_S: Final = 30.0  #: how long an operator's command waits for a worker


@dataclass(slots=True)
class Process:
    """A worker, or the site."""

    number: int  #: among the workers; ``SITE``: it is the site
    pid: int
    incarnation: str  #: unique to this process's life
    channel: Channel
    started_at: float
    seen_at: float
    sessions: int = 0
    hung: bool = False
    ready: Event = field(default_factory=Event)
    exited: Event = field(default_factory=Event)
    _questions: Iterator[int] = field(default_factory=count)
    _waiting: dict[int, AsyncResult] = field(default_factory=dict)

    @property
    def is_site(self) -> bool:
        """Whether it serves the web site, and no mail."""
        return self.number == SITE

    @property
    def is_serving(self) -> bool:
        """Whether it has started and not ended."""
        return self.ready.is_set() and not self.exited.is_set()

    def ask(self, command: str, fds: list[int] | None = None, *, timeout_s: float = ANSWER_S, **arguments: Any) -> Any:
        """Return the answer to a command. Blocks for at most ``timeout_s`` seconds.

        Raises:
            OSError: the process has died, does not answer, or could not do it.
        """
        question = next(self._questions)
        waiter = self._waiting[question] = AsyncResult()
        self.channel.send({"command": command, "id": question, **arguments}, fds)
        try:
            return waiter.get(timeout=timeout_s)
        except gevent.Timeout:
            self._waiting.pop(question, None)
            raise TimeoutError(f"worker {self.number} does not answer") from None

    def answered(self, message: Message) -> None:
        """Give an answer to whoever waits for it."""
        waiter = self._waiting.pop(message["id"], None)
        if waiter is not None and "error" in message:
            waiter.set_exception(ChildProcessError(message["error"]))
        elif waiter is not None:
            waiter.set(message["result"])

    def has_ended(self) -> None:
        """Close the channel, and disappoint those who wait for an answer."""
        self.exited.set()
        self.channel.close()
        for waiter in self._waiting.values():
            waiter.set_exception(ConnectionResetError(f"worker {self.number} has died"))

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)
