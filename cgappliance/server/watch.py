"""Notices that a file of ``conf.d`` appeared, changed or went, and says so once things are quiet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import gevent
from gevent.event import Event
from gevent.socket import wait_read
from inotify_simple import INotify, flags

from cgappliance import log

_log = log.get()

QUIET_S: Final = 0.5  #: an editor writes a file in several steps; a copy of 500 files takes a moment
AT_LEAST_EVERY_S: Final = 5.0  #: while files keep changing, do not put the reload off for ever

_EVENTS: Final = flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ATTRIB


def watch(folder: Path, changed: Callable[[], None], stop: Event, begun: Callable[[], None] = lambda: None) -> None:
    """Call ``changed()`` whenever a ``*.toml`` in ``folder`` was written, moved or removed, until ``stop``. Blocks.

    The folder is watched, not the files: editors and package managers replace a file by renaming a new one over it.

    Args:
        folder: of the tenant files.
        changed: is called in this greenlet; what happens meanwhile is noticed afterwards.
        stop: ends the watch, within a second.
        begun: is called once, when nothing can happen unnoticed any more: time to look at what happened before.
    """
    try:
        with INotify(nonblocking=True) as inotify:
            inotify.add_watch(os.fspath(folder), _EVENTS)
            begun()
            _watch(inotify, changed, stop)
    except OSError as error:
        _log.warning("watch.failed", folder=str(folder), error=error.strerror, remedy="use 'cgappliance reload' after a change")


def _watch(inotify: INotify, changed: Callable[[], None], stop: Event) -> None:
    while not stop.is_set():
        if not _relevant(inotify, timeout_s=1.0):
            continue
        with gevent.Timeout(AT_LEAST_EVERY_S, False):
            while _relevant(inotify, timeout_s=QUIET_S):
                pass
        changed()


def _relevant(inotify: INotify, timeout_s: float) -> bool:
    """Wait for events and tell whether one is of a tenant file; False after ``timeout_s`` seconds without any."""
    try:
        wait_read(inotify.fileno(), timeout=timeout_s)
    except TimeoutError:
        return False
    return any(event.name.endswith(".toml") for event in inotify.read(timeout=0))
