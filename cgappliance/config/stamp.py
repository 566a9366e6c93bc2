"""Whether a file is still the one that was read, told without reading it again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: A file that changed this shortly before it was read may change again without its times showing it: the kernel's clock ticks in
#: milliseconds, that of a network file system in seconds.
SETTLED_AFTER_NS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file: content, permissions or name cannot change without one of these."""

    path: Path
    changed_ns: int  #: of the inode: a chmod counts too
    size: int
    inode: int
    settled: bool  #: False: it had just changed, the stamp proves nothing

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> Stamp:
        """Return the stamp of a file that is about to be read."""
        settled = time.time_ns() - status.st_ctime_ns > SETTLED_AFTER_NS
        return cls(path, status.st_ctime_ns, status.st_size, status.st_ino, settled)

    def still_holds(self) -> bool:
        """Tell whether the file is unchanged for certain. Blocks on the file system."""
        if not self.settled:
            return False
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_ctime_ns, status.st_size, status.st_ino) == (self.changed_ns, self.size, self.inode)
