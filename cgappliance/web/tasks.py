"""Work that takes longer than a browser waits: it goes on beside the requests, and pages look how far it is.

One task a tenant, kept in this process: after a restart it is gone, and so it is on another node. What a task changes must
therefore be right at whatever moment it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import gevent
from gevent import Greenlet

from cgappliance import log
from cgappliance.errors import CgapplianceError
from cgappliance.greenlets import spawn
from cgappliance.store.errors import LimitReached, RecordConflict

_log = log.get()

RUNNING_MAX: Final = 4  #: at once, of all tenants: each holds a directory in memory
RUN_MAX_S: Final = 7200.0  #: for a whole company at Google, a few requests a second
KEPT: Final = timedelta(minutes=30)  #: what came of it, for whoever started it to look at
KEPT_MAX: Final = 50  #: tenants of whom that is kept: a large directory's plan takes some tens of MB

#: Hears how far a task is: a word for what it does, and how many are done.
Progress = Callable[[str, int], None]


@dataclass(slots=True)
class Task:
    """One piece of work."""

    by: str  #: who started it
    started_at: datetime
    stage: str = ""  #: what it does now
    count: int = 0  #: how many of these are done
    result: Any = None
    problem: CgapplianceError | None = None
    ended_at: datetime | None = None
    greenlet: Greenlet | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    def progress(self, stage: str, count: int) -> None:
        """Note how far it is."""
        self.stage, self.count = stage, count


class Tasks:
    """The tasks of a process, at most one for each tenant."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Make room for tasks.

        Args:
            now: the clock.
        """
        self._now = now
        self._tasks: dict[str, Task] = {}
        self._lock = threading.Lock()

    def of(self, tenant: str) -> Task | None:
        """Return the tenant's task; None: there is none, or what came of it is too old."""
        self._forget_old()
        return self._tasks.get(tenant)

    def start(self, tenant: str, by: str, work: Callable[[Progress], Any]) -> Task:
        """Start a task; what came of the tenant's last one is forgotten.

        Raises:
            RecordConflict: the tenant has one that goes on.
            LimitReached: too many go on.
        """
        with self._lock:
            last = self._tasks.get(tenant)
            if last is not None and last.running:
                raise RecordConflict(f"it goes on already: {last.by} has started it")
            if sum(task.running for task in self._tasks.values()) >= RUNNING_MAX:
                raise LimitReached(f"{RUNNING_MAX} tasks of other tenants go on at the moment (try again some minutes later)")
            self._make_room()
            task = self._tasks[tenant] = Task(by, self._now())
        task.greenlet = spawn("web/task", self._run, tenant, task, work)
        return task

    def keep(self, tenants: Mapping[str, object]) -> None:
        """End the tasks of tenants that are no more. Does not block."""
        for name in self._tasks.keys() - tenants.keys():
            gone = self._tasks.pop(name)
            if gone.greenlet is not None:
                gone.greenlet.kill(block=False)

    def _run(self, tenant: str, task: Task, work: Callable[[Progress], Any]) -> None:
        try:
            with gevent.Timeout(RUN_MAX_S):
                task.result = work(task.progress)
        except CgapplianceError as error:
            task.problem = error
        except gevent.Timeout:
            task.problem = CgapplianceError(f"it was ended after {RUN_MAX_S / 60:g} minutes: start it again, it goes on")
        except Exception as error:  # noqa: BLE001 - the page must not wait for ever for what died of a mistake of ours
            _log.error("web.failed", endpoint="task", number="-", detail=type(error).__name__, tenant=tenant, exc_info=error)
            task.problem = CgapplianceError("an error occurred in the appliance; it is in its log")
        finally:
            task.ended_at = self._now()

    def _make_room(self) -> None:
        """Forget what came of the tasks that ended first, when it is of too many tenants."""
        ended = sorted((task.ended_at, name) for name, task in self._tasks.items() if task.ended_at is not None)
        for _, name in ended[: max(0, len(self._tasks) - KEPT_MAX + 1)]:
            del self._tasks[name]

    def _forget_old(self) -> None:
        oldest = self._now() - KEPT
        for name, task in list(self._tasks.items()):
            if task.ended_at is not None and task.ended_at < oldest:
                del self._tasks[name]
