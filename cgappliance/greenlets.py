"""The one way to start a greenlet: it gets a name, and its death by an exception is logged instead of lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
from gevent import Greenlet

from cgappliance import log

_log = log.get()

# gevent would note of each greenlet who spawned it, ten frames deep: 3 us a time, and nobody here reads it
gevent.config.track_greenlet_tree = False

_alive: Counter[str] = Counter()


def spawn(name: str, function: Callable[..., Any], *args: Any) -> Greenlet:
    """Start ``function(*args)`` in a greenlet called ``name`` and return it; an exception in it is logged as ERROR."""
    return gevent.spawn(_guarded, name, function, *args)


def alive() -> dict[str, int]:
    """Return how many greenlets of each name run now: what a process is busy with, and whether anything was left behind."""
    return dict(_alive)


def forked() -> None:
    """Forget the greenlets of the process that this one was forked from; they do not run here."""
    _alive.clear()


def _guarded(name: str, function: Callable[..., Any], *args: Any) -> Any:
    _alive[name] += 1
    try:
        return function(*args)
    except Exception:  # noqa: BLE001 - the last line of defence: whatever a greenlet dies of is logged here, by name
        _log.error("greenlet.died", greenlet=name, exc_info=True)
        return None
    finally:
        _alive[name] -= 1
        if not _alive[name]:
            del _alive[name]  # names of tenants come and go
