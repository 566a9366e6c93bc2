"""Many greenlets' writes in one transaction: each waits for the disk once, and none for the others' turn.

While one batch is on its way to the disk, whatever is asked meanwhile gathers and becomes the next batch: no added latency when
there is little to do, and one fsync for hundreds of requests when there is much. What nobody waits for goes along with the next
request that somebody does wait for, or after a moment.

This file knows no table. ``commit`` is called with a batch, in one greenlet, and returns a result for each request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import gevent
from gevent.event import AsyncResult, Event

from cgappliance import greenlets, log
from cgappliance.store.errors import StoreUnavailable

Request = TypeVar("Request")
Result = TypeVar("Result")

_log = log.get()

BATCH_MAX: Final = 500  #: requests a transaction: about 10 ms of work, so nobody behind them waits long
POSTED_MAX: Final = 10_000  #: requests that nobody waits for: about 10 MB; when the database lags that far, newer ones are dropped
LINGER_S: Final = 0.25  #: how long a request that nobody waits for may wait for one that somebody does
GATHER_S: Final = 0.008  #: a batch waits so long for more when the one before had several; to Gmail a login takes 100 ms and more
RETRY_FIRST_S: Final = 0.1  #: pause after the database failed, doubled up to the next line
RETRY_LAST_S: Final = 5.0

_ENDING: Final = "store: the process is ending"


class GroupCommit(Generic[Request, Result]):
    """A queue of writes and the greenlet that works it off."""

    def __init__(
        self,
        name: str,
        commit: Callable[[Sequence[Request]], Sequence[Result]],
        *,
        posted_max: int = POSTED_MAX,
        linger_s: float = LINGER_S,
    ) -> None:
        """Describe the queue; nothing runs before ``start``.

        Args:
            name: of the greenlet, for the log.
            commit: writes a batch durably and returns the results in the same order; may block cooperatively.
            posted_max: how many requests may wait that nobody waits for.
            linger_s: how long such a request may wait for one that somebody waits for.
        """
        self._name = name
        self._commit = commit
        self._posted_max = posted_max
        self._linger_s = linger_s
        self._asked: deque[tuple[Request, AsyncResult]] = deque()
        self._posted: deque[Request] = deque()
        self._work = Event()
        self._urgent = Event()  # somebody waits, or the process is ending
        self._crowded = False
        self._stopping = False
        self._pause_s = 0.0
        self._greenlet: gevent.Greenlet | None = None
        self.dropped = 0  #: posted requests that were lost, for metrics

    def start(self) -> None:
        """Begin to work. Does not block."""
        self._greenlet = greenlets.spawn(self._name, self._run)

    def stop(self, timeout_s: float) -> None:
        """Write what is queued and end; after ``timeout_s`` seconds the rest is dropped and counted. Blocks."""
        self._stopping = True
        self._work.set()
        self._urgent.set()
        if self._greenlet is not None:
            self._greenlet.join(timeout_s)
            self._greenlet.kill()
        self.dropped += len(self._posted)
        self._posted.clear()
        _fail(self._asked, StoreUnavailable(_ENDING))
        self._asked.clear()

    def ask(self, request: Request, timeout_s: float) -> Result:
        """Return the result of ``request`` once it is on the disk. Blocks.

        Raises:
            StoreUnavailable: it is not there after ``timeout_s`` seconds, or the database failed, or the process is ending.
            Exception: what ``commit`` raised for this request.
        """
        if self._stopping:
            raise StoreUnavailable(_ENDING)
        entry = (request, AsyncResult())
        self._asked.append(entry)
        self._urgent.set()
        self._work.set()
        try:
            result: Result = entry[1].get(timeout=timeout_s)
        except gevent.Timeout:
            raise StoreUnavailable(f"store: not written within {timeout_s:g} s") from None
        finally:
            if not entry[1].ready() and entry in self._asked:
                self._asked.remove(entry)  # nobody waits for it any more
        return result

    def post(self, request: Request) -> bool:
        """Queue ``request`` and return at once; False when the queue is full: it is dropped and counted."""
        if len(self._posted) >= self._posted_max or self._stopping:
            self.dropped += 1
            return False
        self._posted.append(request)
        self._work.set()
        return True

    def _run(self) -> None:
        while self._asked or self._posted or not self._stopping:
            self._work.wait()
            self._work.clear()
            while self._asked or self._posted:
                self._wait_for_company()
                self._write_one_batch()
                gevent.sleep(self._pause_s)

    def _wait_for_company(self) -> None:
        """Let a batch grow where that costs nobody anything that he would notice."""
        if not self._asked and len(self._posted) < BATCH_MAX:
            self._urgent.wait(self._linger_s)
        elif self._crowded and not self._stopping:
            gevent.sleep(GATHER_S)

    def _write_one_batch(self) -> None:
        """Write those that somebody waits for, then as many others as fit."""
        self._urgent.clear()
        self._crowded = len(self._asked) > 1
        asked = [self._asked.popleft() for _ in range(min(len(self._asked), BATCH_MAX))]
        posted = [self._posted.popleft() for _ in range(min(len(self._posted), BATCH_MAX - len(asked)))]
        try:
            self._attempt(asked, posted)
            self._pause_s = 0.0
        except StoreUnavailable as error:
            self._pause_s = min(max(self._pause_s * 2, RETRY_FIRST_S), RETRY_LAST_S)
            _log.error("store.unavailable", queue=self._name, waiting=len(self._posted) + len(posted), detail=str(error))
            _fail(asked, error)
            self._put_back(posted)
        except BaseException:  # this greenlet is told to end
            _fail(asked, StoreUnavailable(_ENDING))
            self.dropped += len(posted)
            raise

    def _attempt(self, asked: list[tuple[Request, AsyncResult]], posted: list[Request]) -> None:
        try:
            results = self._commit([*(request for request, _ in asked), *posted])
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one request makes the database raise is for that request alone
            if len(asked) + len(posted) > 1:  # one of them cannot be written: it must not take the others with it
                self._one_by_one(asked, posted)
                return
            _log.error("store.refused", queue=self._name, detail=type(error).__name__, exc_info=True)
            self.dropped += len(posted)
            _fail(asked, error)
            return
        for (_, result), value in zip(asked, results, strict=False):
            result.set(value)

    def _one_by_one(self, asked: list[tuple[Request, AsyncResult]], posted: list[Request]) -> None:
        for entry in asked:
            self._attempt([entry], [])
        while posted:
            self._attempt([], [posted[0]])
            del posted[0]  # what is left when the database fails now is put back by the caller

    def _put_back(self, posted: list[Request]) -> None:
        room = max(0, self._posted_max - len(self._posted))
        self._posted.extendleft(reversed(posted[:room]))
        self.dropped += len(posted) - len(posted[:room])
        self._work.set()


def _fail(asked: Iterable[tuple[Any, AsyncResult]], error: Exception) -> None:
    for _, result in asked:
        if not result.ready():
            result.set_exception(error)
