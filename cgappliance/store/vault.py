"""Encryption of secrets at rest: AES-256-GCM, each ciphertext bound to the one place where it belongs.

A ciphertext that somebody copies to another account, tenant or field of the database does not decrypt there. What is stored:
format byte, key id, nonce, ciphertext with tag. This file knows keys and places; which table holds the result it does not know.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cgappliance.secret import Secret
from cgappliance.store import keyfile
from cgappliance.store.errors import KeyProblem

_FORMAT: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12  #: NIST SP 800-38D: random nonces are safe for 2**32 messages a key; a tenant has thousands
SECRET_MAX_BYTES: Final = 4096  #: far above any password or token; keeps rows small


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret belongs."""

    tenant: str
    account_uid: str  #: stays when the address changes
    field: str

    def associated_data(self) -> bytes:
        """Return the place as bytes that no other place has."""
        parts = (b"cgappliance", self.tenant.encode(), self.account_uid.encode(), self.field.encode())
        return b"".join(len(part).to_bytes(2) + part for part in parts)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted secret and the id of the key that opens it."""

    key_id: str
    blob: bytes


class Vault:
    """The keys of one process. It follows the key file: a key added by ``key rotate`` is used without a restart."""

    def __init__(self, path: Path) -> None:
        """Read the key file.

        Raises:
            KeyProblem: it is missing, unsafe or damaged.
        """
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._ciphers: dict[str, AESGCM] = {}
        self._keys: tuple[keyfile.Key, ...] = ()
        self._follow()

    @property
    def primary(self) -> str:
        """The id of the key that encrypts."""
        return self._keys[0].id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, the encrypting one first."""
        return tuple(key.id for key in self._keys)

    def seal(self, secret: Secret, place: Place) -> Sealed:
        """Return ``secret`` encrypted for ``place`` with the newest key.

        Raises:
            KeyProblem: the key file has become unusable.
            ValueError: the secret is too long.
        """
        plain = secret.reveal().encode()
        if len(plain) > SECRET_MAX_BYTES:
            raise ValueError(f"a stored secret has at most {SECRET_MAX_BYTES} bytes")
        self._follow()  # never encrypt with a key that a rotation is about to leave behind
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self.primary].encrypt(nonce, plain, place.associated_data())
        return Sealed(self.primary, _FORMAT + bytes.fromhex(self.primary) + nonce + cipher)

    def open(self, blob: bytes, place: Place) -> Secret:
        """Return the secret in ``blob``.

        Raises:
            KeyProblem: none of the keys opens it, or it does not belong to ``place``, or it is damaged.
        """
        name, nonce, cipher = _split(blob)
        if name not in self._ciphers:
            self._follow()
        if name not in self._ciphers:
            raise KeyProblem(
                f"{self.path}: a secret of {place.tenant} is encrypted with key {name}, which is not in the key file "
                f"(it has {', '.join(self.key_ids)}; put back the line of key {name})"
            )
        try:
            plain = self._ciphers[name].decrypt(nonce, cipher, place.associated_data())
        except InvalidTag as error:
            raise KeyProblem(
                f"store: the {place.field} of account {place.account_uid} of {place.tenant} is damaged or was moved from another "
                "account (restore it from a backup, or set it anew)"
            ) from error
        return Secret(plain.decode())

    def derived_key(self, purpose: str) -> bytes:
        """Return 32 bytes for another use of the newest key, the same in all processes and nodes that share the key file."""
        return HKDF(hashes.SHA256(), 32, salt=None, info=f"cgappliance {purpose}".encode()).derive(self._keys[0].material)

    def _follow(self) -> None:
        """Read the key file again when it has been replaced."""
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        except OSError:
            seen = None  # ``read`` says it better
        if seen is not None and seen == self._seen:
            return
        self._keys = keyfile.read(self.path)
        self._ciphers = {key.id: AESGCM(key.material) for key in self._keys}
        self._seen = seen


def _split(blob: bytes) -> tuple[str, bytes, bytes]:
    start = 1 + _KEY_ID_BYTES
    if blob[:1] != _FORMAT or len(blob) < start + _NONCE_BYTES:
        raise KeyProblem("store: an encrypted secret has an unknown form (was the database written by a newer version?)")
    return blob[1:start].hex(), blob[start : start + _NONCE_BYTES], blob[start + _NONCE_BYTES :]
