"""The files that a configuration file names: found, read once, and part of its fingerprint.

Reading blocks. Nothing here keeps a secret's text: it goes out as ``Secret`` and into a digest.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cgappliance.config.problem import Unfit
from cgappliance.config.stamp import Stamp, digest_of
from cgappliance.secret import Secret

#: Passwords and service-account keys have at most a few KB; more is a mistake, and would be held in memory per tenant.
MAX_SECRET_BYTES = 64 * 1024

_OTHERS = 0o007  # permission bits of users who are neither the owner nor in the file's group


class NamedFiles:
    """The files named by one configuration file."""

    def __init__(self, folder: Path) -> None:
        """Take the folder where relative paths start."""
        self._folder = folder
        self._digests: dict[Path, bytes] = {}
        self._stamps: list[Stamp] = []

    def resolve(self, text: str) -> Path:
        """Return the absolute path of a file named in the configuration file.

        Raises:
            Unfit: no path can look like this.
        """
        if "\0" in text:
            raise Unfit("holds a NUL character", "write the path of a file")
        return self._folder / text

    def file(self, text: str) -> Path:
        """Return the path of a file that can be read.

        Raises:
            Unfit: it cannot, or is no regular file.
        """
        path = self.resolve(text)
        with self._opened(path) as file:
            self._digests[path] = hashlib.file_digest(file, "sha256").digest()
        return path

    def private_file(self, text: str) -> Path:
        """Return the path of a file that can be read, and not by everybody.

        Raises:
            Unfit: it cannot, or others can too.
        """
        path = self.resolve(text)
        with self._opened(path) as file:
            _refuse_others(path, file)
            self._digests[path] = hashlib.file_digest(file, "sha256").digest()
        return path

    def secret(self, text: str) -> Secret:
        """Return the file's text without its last line end.

        Raises:
            Unfit: the file cannot be read, is empty, too large or no UTF-8, or others may read it.
        """
        path = self.resolve(text)
        with self._opened(path) as file:
            _refuse_others(path, file)
            content = file.read(MAX_SECRET_BYTES + 1)
        if len(content) > MAX_SECRET_BYTES:
            raise Unfit(f"{path} is larger than {MAX_SECRET_BYTES} bytes", "is it the file of a password or key?")
        self._digests[path] = digest_of(content)
        return _secret(path, content)

    def fingerprint(self, content: bytes) -> str:
        """Return a digest of ``content`` and of each file that was asked for, path and content.

        It may stand in a log: guessing a short password from it needs all the other files, the private key among them.
        """
        digest = hashlib.sha256(hashlib.sha256(content).digest())
        for path, inner in sorted(self._digests.items()):
            digest.update(os.fsencode(path) + b"\0" + inner)
        return digest.hexdigest()

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """Return the stamp of each file that was asked for, taken before it was read."""
        return tuple(replace(stamp, digest=self._digests.get(stamp.path, b"")) for stamp in self._stamps)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[io.BufferedReader]:
        """Open a regular file for reading; a pipe or device is refused and not waited for."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise Unfit(f"{path} is not a regular file", "name a file")
            self._stamps.append(Stamp.of(path, status))
            with path.open("rb") as file:
                yield file
        except PermissionError:
            raise Unfit(f"{path} cannot be read: Permission denied", "give the service's user or group read permission") from None
        except OSError as error:
            raise Unfit(f"{path} cannot be read: {error.strerror}", "correct the path, or put the file there") from None


def _secret(path: Path, content: bytes) -> Secret:
    try:
        secret = Secret(content.decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise Unfit(f"{path} is not UTF-8", "save the file as UTF-8") from None
    if not secret:
        raise Unfit(f"{path} is empty", "put the secret into it")
    return secret


def _refuse_others(path: Path, file: io.BufferedReader) -> None:
    """Raise Unfit when more than owner and group have a permission; a group is how a service reads what root owns."""
    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    if mode & _OTHERS:
        raise Unfit(f"others may access {path} (mode {mode:04o})", f"chmod {mode & ~_OTHERS:04o} {path}")
