"""An account's password as the Directory API takes it: in clear, or as a hash that only a login can be checked against.

Pure but for libcrypt, which Python 3.13 has no module for any more.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import re
from dataclasses import dataclass

LIBCRYPT = "libcrypt.so.1"  #: Debian's libcrypt1, which every Debian has
MAX_CRYPT_ROUNDS = 10_000  #: Google's limit
CLEAR = ""
HASH_FORMS = {
    "MD5": re.compile(r"[0-9a-fA-F]{32}"),
    "SHA-1": re.compile(r"[0-9a-fA-F]{40}"),
    "crypt": re.compile(r"\$(1|5|6)\$(rounds=(?P<rounds>\d+)\$)?[./0-9A-Za-z]{0,16}\$[./0-9A-Za-z]+"),
}
CLEAR_FORM = re.compile(r"[\x20-\x7e]{8,100}")


class BadPassword(ValueError):
    """Google would not take this password, or this hash."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A password that can be checked."""

    text: str  #: the password, or its hash
    function: str = CLEAR  #: "", "MD5", "SHA-1" or "crypt"

    def matches(self, password: str) -> bool:
        """Return whether this is the password; an account without one matches nothing."""
        return bool(self.text) and hmac.compare_digest(self._hashed(password).encode(), self._expected().encode())

    def _expected(self) -> str:
        return self.text.lower() if self.function in ("MD5", "SHA-1") else self.text

    def _hashed(self, password: str) -> str:
        match self.function:
            case "MD5":
                return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
            case "SHA-1":
                return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest()
            case "crypt":
                return _crypt(password, self.text)
        return password


def checked(text: str, function: str = CLEAR) -> StoredPassword:
    """Return what the Directory API would store.

    Raises:
        BadPassword: not 8 to 100 ASCII characters, or not a hash of ``function``.
    """
    form = CLEAR_FORM if function == CLEAR else HASH_FORMS.get(function)
    match = form.fullmatch(text) if form else None
    if match is None or int(match.groupdict().get("rounds") or 0) > MAX_CRYPT_ROUNDS:
        raise BadPassword("Invalid Password")
    return StoredPassword(text, function)


def _crypt(password: str, salt: str) -> str:
    function = ctypes.CDLL(LIBCRYPT).crypt
    function.restype = ctypes.c_char_p
    hashed: bytes | None = function(password.encode(), salt.encode())
    return (hashed or b"*").decode()
