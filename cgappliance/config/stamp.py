"""Whether a file is still the one that was read, told without understanding it again, and mostly without reading it."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: A file that changed this shortly before it was read may change again without its times showing it (the kernel's clock ticks in
#: milliseconds, that of a network file system in seconds): then its content is compared.
SETTLED_AFTER_NS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file, and its content: that, permissions or name cannot change without one of these."""

    path: Path
    changed_ns: int  #: of the inode: a chmod counts too
    size: int
    inode: int
    settled: bool  #: False: it had just changed, so that the file system's word proves nothing
    digest: bytes = b""  #: of the content; b"": it was not read to the end

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> Stamp:
        """Return the stamp of a file that is about to be read."""
        settled = time.time_ns() - status.st_ctime_ns > SETTLED_AFTER_NS
        return cls(path, status.st_ctime_ns, status.st_size, status.st_ino, settled)

    def still_holds(self) -> bool:
        """Tell whether the file is unchanged for certain. Blocks on the file system."""
        try:
            status = self.path.stat()
            same = (status.st_ctime_ns, status.st_size, status.st_ino) == (self.changed_ns, self.size, self.inode)
            return same and (self.settled or digest_of(self.path.read_bytes()) == self.digest)
        except OSError:
            return False


def digest_of(content: bytes) -> bytes:
    """Return the digest of a file's content as stamps keep it."""
    return hashlib.sha256(content).digest()
