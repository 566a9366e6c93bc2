"""Memory that was freed and that the C library keeps for later: given back to the system, where it can be.

glibc returns by itself only what is free at the very end of its heap, and one connection that lives on keeps everything below it:
a rush of logins would be seen in the size of the process for good. This file imports nothing of the project.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and keeps less


def trim() -> None:
    """Give back every page that is free. Takes milliseconds, in which nothing else happens in this process."""
    if _trim is not None:
        _trim(0)
