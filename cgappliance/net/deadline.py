"""Deadlines for the waits of a greenlet: one ``with`` block per phase of a connection."""

from __future__ import annotations

import gevent

from cgappliance.errors import DeadlineExceeded


def deadline(seconds: float, what: str) -> gevent.Timeout:
    """Return a context manager that raises ``DeadlineExceeded(what)`` in this greenlet when its block takes longer.

    It covers every cooperative wait inside the block; code that computes without waiting is not interrupted.
    """
    return gevent.Timeout(seconds, DeadlineExceeded(f"{what}: no answer within {seconds:g} s"))
