"""TLS contexts that tenants share: who shows the same certificate, or trusts the same CAs, need not have them loaded once more.

The system's CAs alone take 0.8 MB and 15 ms for each context, and nearly every tenant wants just those, for each of its servers.
What is shared is what the files say; connections are each tenant's own.

Contexts are found by the content of their files. A renewed certificate gives a new context, under an unchanged name too, and the
older one goes with the last that uses it. This file imports nothing of the project.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Hashable
from pathlib import Path
from weakref import WeakValueDictionary


class SharedContexts:
    """The contexts of one process and one purpose that are in use."""

    def __init__(self) -> None:
        """Start without any."""
        self._known: WeakValueDictionary[Hashable, ssl.SSLContext] = WeakValueDictionary()

    def get(self, make: Callable[[], ssl.SSLContext], *files: Path | None, kind: Hashable = None) -> ssl.SSLContext:
        """Return the context of these files, which ``make`` makes if there is none. Blocks on the files.

        Files that change meanwhile give one that nobody shares.

        Args:
            make: reads the files; what it raises passes through.
            files: whatever ``make`` reads; None: the system's CAs.
            kind: what else tells contexts of the same files apart.

        Raises:
            OSError: a file cannot be read.
        """
        before = (kind, *map(_content, files))
        known = self._known.get(before)
        if known is not None:
            return known
        made = make()
        if (kind, *map(_content, files)) == before:
            self._known[before] = made
        return made


def _content(path: Path | None) -> Hashable:
    """Return what changes with the file's content, or with the system's CAs: their bundle or the folder of their hashes."""
    if path is not None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    paths = ssl.get_default_verify_paths()
    statuses = [(name, Path(name).stat()) for name in (paths.cafile, paths.capath) if name is not None]
    return tuple((name, status.st_mtime_ns, status.st_size, status.st_ino) for name, status in statuses)
