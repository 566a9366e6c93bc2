"""A file of passwords: TOML, ``"address" = "password"``, readable by nobody else, read again when it changes.

::

    "yuki@acme.example" = "abcd efgh ijkl mnop"

A file that a later change has broken does not lock anybody out: the last good content stays, and a warning says what is wrong.
"""

from __future__ import annotations

import logging
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from cgappliance.plugin_api import Secret

SIZE_LIMIT_BYTES = 16 * 1024 * 1024  #: 100,000 accounts need 5 MB
OTHERS = stat.S_IRWXO  #: the rights of everybody who is neither owner nor of the file's group

log = logging.getLogger(__name__)

_Version = tuple[int, int, int]  #: inode, time of the last change in ns, size


class _Unusable(ValueError):
    """The file cannot be used; the message is "problem (remedy)" and shows nothing of it."""


def check(path: Path) -> str | None:
    """Return "problem (remedy)" for a file that cannot be used, else None."""
    try:
        _read(path)
    except _Unusable as error:
        return str(error)
    return None


class PasswordFile:
    """The passwords in one file, by address without case. Reads the file in the caller's greenlet: a local disk, some ms."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passwords: Mapping[str, Secret] = {}
        self._version: _Version | None = None

    def lookup(self, address: str) -> Secret | None:
        """Return the password of an address, or None when the file has none."""
        self._read_if_changed()
        return self._passwords.get(address.lower())

    def forget(self) -> None:
        """Forget all passwords; the next lookup reads the file again."""
        self._passwords, self._version = {}, None

    def _read_if_changed(self) -> None:
        try:
            version = _version(self._path)
            if version == self._version:
                return
            self._version = version  # before reading: a broken file is read once, not at every login
            self._passwords = _read(self._path)
        except (_Unusable, OSError) as error:
            log.warning("passwords file not read, the last good content stays: %s: %s", self._path, error)


def _version(path: Path) -> _Version:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, Secret]:
    try:
        status = path.stat()
        if status.st_mode & OTHERS:
            raise _Unusable(f"others may read or change it (chmod 0640 {path})")
        if status.st_size > SIZE_LIMIT_BYTES:
            raise _Unusable(f"larger than {SIZE_LIMIT_BYTES} bytes (is it the right file?)")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _Unusable(
            f"cannot be read: {type(error).__name__} (a TOML file in UTF-8 that the service's user can read)"
        ) from error
    return _parse(text)


def _parse(text: str) -> dict[str, Secret]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _Unusable(f'not TOML: {error} (a line is "address" = "password")') from None
    passwords = {}
    for address, password in content.items():
        if not isinstance(password, str) or not password or "@" not in address:
            raise _Unusable(f'{address}: not "address" = "password" (put address and password in quotes)')
        if address.lower() in passwords:
            raise _Unusable(f"{address}: stands there twice, in upper and lower case (keep one)")
        passwords[address.lower()] = Secret(password)
    return passwords
