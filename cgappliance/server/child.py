"""The first steps of a forked process: out of the supervisor's event loop and descriptors, and never back into its code."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn

from gevent import get_hub

from cgappliance import log

_log = log.get()


def be(life: Callable[[], None], kept: Callable[[], Collection[int]]) -> NoReturn:
    """Live ``life`` with the standard streams and the descriptors ``kept()``, and end the process: with status 1 if one raises."""
    status = 1
    try:
        get_hub().destroy(destroy_loop=True)
        _let_go_of_all_but({0, 1, 2, *kept()})
        life()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may go up from here into the supervisor's code
        _log.error("worker.failed", exc_info=True)
    finally:
        os._exit(status)


def _let_go_of_all_but(kept: set[int]) -> None:
    """Give up the parent's descriptors, such as its end of other workers' channels.

    They become /dev/null instead of free numbers: the objects that they belong to are still there, and one of them that closes its
    number later must not close what has got the same number meanwhile.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd not in kept | {null}:
            with contextlib.suppress(OSError):  # the one that listed the folder has gone
                os.fstat(fd)
                os.dup2(null, fd, inheritable=False)
    os.close(null)
