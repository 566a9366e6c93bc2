"""The key file: the keys that encrypt the store's secrets, kept outside the database.

One line a key: its id, the key in base64, when it was made. The first line encrypts, all lines decrypt. The id is made from the
key, so a damaged line is noticed when the file is read and not when a secret is needed.

Rules of this file: a key never enters an exception or a repr; the file is replaced as a whole or not at all, and keeps its owner
and mode; two programs that change it wait for each other.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cgappliance.store.errors import KeyProblem

KEY_BYTES: Final = 32  #: AES-256
KEYS_MAX: Final = 16  #: a rotation a month for a year, and some; a longer file is another file
_FILE_MAX_BYTES: Final = 8 * 1024
_HEADER: Final = """\
# The keys of cgappliance's store: the first encrypts, all decrypt. Without this file the stored Google credentials are lost.
# Keep a copy of it, apart from the backups of the database.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its bytes do not show."""

    id: str  #: 16 hexadecimal digits
    made_at: datetime
    material: bytes = field(repr=False)


def new_key(now: datetime) -> Key:
    """Return a random key."""
    material = secrets.token_bytes(KEY_BYTES)
    return Key(key_id(material), now, material)


def key_id(material: bytes) -> str:
    """Return the name of a key, which tells nothing about it."""
    return hashlib.sha256(b"cgappliance store key" + material).hexdigest()[:16]


def read(path: Path) -> tuple[Key, ...]:
    """Return the file's keys, the encrypting one first. Reads a small file; does not block for long.

    Raises:
        KeyProblem: it is missing, readable by others, or damaged.
    """
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()))
            raw = file.read(_FILE_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyProblem(
            f"{path}: there is no key file (run 'cgappliance key init', or put back the one that was there)"
        ) from error
    except OSError as error:
        raise KeyProblem(f"{path}: the key file cannot be read: {error.strerror} (let the service's account read it)") from error
    return _parse(path, raw)


def create(path: Path, now: datetime) -> Key:
    """Make the file with one new key, readable by its owner only, and return the key.

    Raises:
        KeyProblem: there is one already, or it cannot be written.
    """
    key = new_key(now)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyProblem(f"{path}: there is a key file already (a new key is added with 'cgappliance key rotate')") from error
    except OSError as error:
        raise KeyProblem(f"{path}: the key file cannot be made: {error.strerror}") from error
    with os.fdopen(handle, "w") as file:
        _write_through(file.fileno(), _render((key,)))
    _sync_folder(path)
    return key


def change(path: Path, edit: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> tuple[Key, ...]:
    """Replace the file by what ``edit`` makes of its keys, at once and on the disk, and return them.

    Raises:
        KeyProblem: it cannot be read or written, or there would be no key or too many.
    """
    with _folder_lock(path):
        before = read(path)
        after = edit(before)
        if not 1 <= len(after) <= KEYS_MAX:
            raise KeyProblem(f"{path}: a key file holds 1 to {KEYS_MAX} keys (remove unused ones with 'cgappliance key prune')")
        if after != before:
            _replace(path, _render(after))
        return after


def _check_mode(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o027 and not _is_systemd_credential(path):
        raise KeyProblem(f"{path}: the key file has mode {mode:04o}: others can read it or its group can write it (chmod 600)")


def _is_systemd_credential(path: Path) -> bool:
    """Tell whether systemd guards the file: it is then on a file system that only the service sees, whatever its mode."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return folder != "" and path.resolve().is_relative_to(Path(folder).resolve())


def _parse(path: Path, raw: bytes) -> tuple[Key, ...]:
    if len(raw) > _FILE_MAX_BYTES:
        raise KeyProblem(f"{path}: this is no key file: it is longer than {_FILE_MAX_BYTES} bytes")
    lines = raw.decode("ascii", "replace").splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    keys = tuple(_parse_line(path, number, line) for number, line in numbered)
    if not keys:
        raise KeyProblem(f"{path}: the key file holds no key (put back the one that was there)")
    if len({key.id for key in keys}) != len(keys):
        raise KeyProblem(f"{path}: the key file holds the same key twice (remove one of the lines)")
    return keys


def _parse_line(path: Path, number: int, line: str) -> Key:
    damaged = KeyProblem(f"{path}:{number}: this line is no key, or is damaged (put back the file that was there)")
    try:
        name, encoded, made_at = line.split()
        material = base64.b64decode(encoded, validate=True)
        moment = datetime.fromisoformat(made_at)
    except (ValueError, binascii.Error):
        raise damaged from None  # the cause could show the line
    if len(material) != KEY_BYTES or key_id(material) != name or moment.tzinfo is None:
        raise damaged
    return Key(name, moment.astimezone(UTC), material)


def _render(keys: tuple[Key, ...]) -> bytes:
    lines = [f"{key.id} {base64.b64encode(key.material).decode()} {key.made_at.isoformat(timespec='seconds')}\n" for key in keys]
    return (_HEADER + "".join(lines)).encode()


def _replace(path: Path, content: bytes) -> None:
    status = path.stat()
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            _write_through(file.fileno(), content)
        fresh.rename(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _not_writable(path, error) from error
    _sync_folder(path)


def _not_writable(path: Path, error: OSError) -> KeyProblem:
    return KeyProblem(
        f"{path}: the key file cannot be changed: {error.strerror} (run the command as its owner; for a systemd credential: run "
        "'cgappliance key add' on the credential's source, restart the service, then run 'cgappliance key rotate')"
    )


def _write_through(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)


def _sync_folder(path: Path) -> None:
    """Make the file's name as durable as its content."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _folder_lock(path: Path) -> Iterator[None]:
    """Hold the folder's lock: the file itself is replaced, so a lock on it would lock nobody out."""
    try:
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise KeyProblem(f"{path}: the key file's folder cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
