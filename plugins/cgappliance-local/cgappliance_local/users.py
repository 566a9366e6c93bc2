"""The file of a local directory: who may log in, and the hash of each one's password.

One line for each person: the address, the argon2 hash, and perhaps ``disabled``. Empty lines and what follows ``#`` do not count,
and are kept when a line is changed::

    yuki@acme.example   $argon2id$v=19$m=65536,t=3,p=4$...
    ken@acme.example    $argon2id$v=19$m=65536,t=3,p=4$...   disabled   # on leave until May

This file imports nothing of the appliance but the ``Secret`` in which passwords travel. Reading and writing block, as files do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHash, VerificationError

from cgappliance.plugin_api import Secret

#: Bytes of a file that are read: ten thousand people. Whoever has more has a directory.
SIZE_LIMIT_BYTES = 2 * 1024 * 1024
#: Memory that one login may take: a hash says itself how much. Four times what ours need.
MEMORY_LIMIT_KIB = 256 * 1024
MODE = 0o640  #: the administrator writes, the service reads, nobody else does

ADDRESS = re.compile(r"[^\s@#]+@[^\s@#]+")
DISABLED = "disabled"
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")  # no mail protocol carries them in a password

#: RFC 9106's second recommended option; written out, since older releases of argon2-cffi have another default
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, salt_len=16)

#: What a stranger's password is compared with, so that an unknown address takes as long as a wrong password. The hash of nothing.
NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


class UsersFileError(Exception):
    """The file, or what is to be done with it, is wrong; the message is for the administrator."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    address: str  #: lower case
    hash: str = field(repr=False)
    disabled: bool = False

    def line(self) -> str:
        """Return the line of the file."""
        return f"{self.address}   {self.hash}" + (f"   {DISABLED}" if self.disabled else "")


def verify(user: User | None, password: Secret) -> bool:
    """Return whether this is the user's password, after a tenth of a second; None is a stranger: never right, after as long."""
    try:
        _hasher.verify(user.hash if user else NOBODYS_HASH, password.reveal())
    except VerificationError:
        return False
    return user is not None


def read(path: Path) -> dict[str, User]:
    """Return the users by address.

    Raises:
        OSError: the file cannot be read.
        UsersFileError: it is not as described above.
    """
    return parse(_text(path), str(path))


def parse(text: str, name: str) -> dict[str, User]:
    """Return the users of a file's text; ``name`` stands in the message when something is wrong.

    Raises:
        UsersFileError: a line is not as described above, or an address stands there twice.
    """
    found: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            user = _parse_line(line)
        except UsersFileError as error:
            raise UsersFileError(f"{name}:{number}: {error}") from None
        if user is None:
            continue
        if user.address in found:
            raise UsersFileError(f"{name}:{number}: {user.address} stands here a second time")
        found[user.address] = user
    return found


def _parse_line(line: str) -> User | None:
    words = line.partition("#")[0].split()
    if not words:
        return None
    if len(words) not in (2, 3) or words[2:] not in ([], [DISABLED]):
        raise UsersFileError(f"a line has an address, a hash and perhaps {DISABLED!r}")
    try:
        memory_kib = extract_parameters(words[1]).memory_cost
    except InvalidHash:
        raise UsersFileError(f"what follows {words[0]} is no argon2 hash") from None
    if memory_kib > MEMORY_LIMIT_KIB:
        raise UsersFileError(
            f"the hash of {words[0]} needs {memory_kib} KiB of memory at each login; {MEMORY_LIMIT_KIB} is the limit"
        )
    return User(_address(words[0]), words[1], disabled=len(words) == 3)


def readable_by_everybody(path: Path) -> bool:
    """Return whether everybody on this machine may read the file."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def set_password(path: Path, address: str, password: Secret) -> None:
    """Give somebody a password; the file, and the person, may be new. Somebody who is disabled stays so.

    Raises:
        OSError: the file cannot be read or written.
        UsersFileError: the file, the address or the password is wrong.
    """
    if not password:
        raise UsersFileError("the password is empty")
    if CONTROL_CHARACTERS.search(password.reveal()):
        raise UsersFileError("the password holds control characters, which mail clients cannot send")
    hashed = _hasher.hash(password.reveal())
    address = _address(address)
    _change(path, address, lambda old: User(address, hashed, disabled=bool(old and old.disabled)))


def set_disabled(path: Path, address: str, *, disabled: bool) -> None:
    """Keep somebody out, or let them in again with the password they had.

    Raises:
        OSError: the file cannot be read or written.
        UsersFileError: the file is wrong, or there is no such address.
    """
    address = _address(address)
    _change(path, address, lambda old: User(address, _known(old, address).hash, disabled))


def remove(path: Path, address: str) -> None:
    """Remove somebody.

    Raises:
        OSError: the file cannot be read or written.
        UsersFileError: the file is wrong, or there is no such address.
    """
    address = _address(address)

    def nobody(old: User | None) -> None:
        _known(old, address)

    _change(path, address, nobody)


def _address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise UsersFileError(f"{text!r} is no mail address")
    return text.lower()


def _known(user: User | None, address: str) -> User:
    if user is None:
        raise UsersFileError(f"there is no {address}")
    return user


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(SIZE_LIMIT_BYTES + 1)
    if len(content) > SIZE_LIMIT_BYTES:
        raise UsersFileError(f"{path} is longer than {SIZE_LIMIT_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UsersFileError(f"{path} is not UTF-8") from None


def _change(path: Path, address: str, change: Callable[[User | None], User | None]) -> None:
    """Replace the line of ``address`` by what ``change`` makes of it; all other lines stay as they are."""
    path = path.resolve()  # of a link, the file behind it is replaced
    with _alone(path.parent):
        text = _text(path) if path.exists() else ""
        new = change(parse(text, str(path)).get(address))
        lines = text.splitlines()
        place = next((number for number, line in enumerate(lines) if _is_of(line, address)), len(lines))
        remark = "".join(lines[place : place + 1]).partition("#")
        lines[place : place + 1] = [new.line() + (f"   #{remark[2]}" if remark[1] else "")] if new else []
        _replace(path, "".join(f"{line}\n" for line in lines))


def _is_of(line: str, address: str) -> bool:
    return line.partition("#")[0].lower().split()[:1] == [address]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change files of the folder: of two changes at the same moment none is lost."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing would do, but gevent, which the command line runs under, closes later
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Write the file so that whoever reads sees the old one or the new one, whatever moment the machine stops at."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        try:
            _give_owner_and_mode(new.fileno(), path)
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def _give_owner_and_mode(descriptor: int, path: Path) -> None:
    """Give a new file those of the old one; where there is none, its folder's group, which is the one that the service is in."""
    old = path.stat() if path.exists() else None
    owner, group = (old.st_uid, old.st_gid) if old else (-1, path.parent.stat().st_gid)
    with contextlib.suppress(PermissionError):  # an ordinary user may give files only to own groups
        os.fchown(descriptor, owner, group)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) if old else MODE)
