"""Changing the key that encrypts the stored secrets, while the appliance runs.

A rotation adds a key in front of the file, then encrypts every secret anew with it, a few at a time. Running processes follow the
file, so they open both at any moment. Whatever moment it dies at, running it again goes on where it stopped. Old keys stay in the
file until ``prune``: backups of the database need them, and a process that read the file just before may still write with one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cgappliance.store import administrators, credentials, keyfile
from cgappliance.store.engine import Store
from cgappliance.store.errors import KeyProblem
from cgappliance.store.vault import Vault

PRUNE_AFTER: Final = timedelta(hours=1)  #: after a rotation: far longer than any transaction that began before it


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    key_id: str  #: the key that encrypts now
    added: bool  #: False: an earlier rotation was finished, with the key that it had added
    reencrypted: int


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key and what needs it."""

    id: str
    made_at: datetime | None  #: None: it is not in the key file
    secrets: int
    encrypts: bool


def uses(store: Store, vault: Vault) -> list[KeyUse]:
    """Return the keys of the file in order, then those that secrets need and the file lacks. Blocks cooperatively.

    Raises:
        KeyProblem: the key file is unusable.
        StoreUnavailable: the database cannot be asked.
    """
    keys = keyfile.read(vault.path)
    with store.read() as connection:
        counts = Counter(credentials.count_by_key(connection)) + Counter(administrators.count_by_key(connection))
    found = [KeyUse(key.id, key.made_at, counts.pop(key.id, 0), key is keys[0]) for key in keys]
    return found + [KeyUse(key_id, None, number, False) for key_id, number in sorted(counts.items())]


def check(store: Store, vault: Vault) -> None:
    """Return when the key file has a key for every stored secret. Called at start.

    Raises:
        KeyProblem: it has not; the message names the keys.
        StoreUnavailable: the database cannot be asked.
    """
    missing = [use for use in uses(store, vault) if use.made_at is None]
    if missing:
        names = ", ".join(f"{use.id} ({use.secrets} secrets)" for use in missing)
        raise KeyProblem(f"{vault.path}: keys that stored secrets need are not in the key file: {names} (put back the right file)")


def rotate(store: Store, path: Path, now: datetime, progress: Callable[[int], None] = lambda _: None) -> Rotated:
    """Encrypt all secrets with a new key, or finish a rotation that was interrupted. Blocks cooperatively.

    Args:
        store: where the secrets are.
        path: of the key file.
        now: stands beside the new key.
        progress: is told how many secrets are done.

    Raises:
        KeyProblem: the key file cannot be changed, or a secret cannot be opened; the others are left as they are, still readable.
        StoreUnavailable: the database failed; run it again.
    """
    unfinished = any(use.secrets and not use.encrypts for use in uses(store, Vault(path)))
    if not unfinished:
        keyfile.change(path, lambda keys: (keyfile.new_key(now), *keys))
    vault = Vault(path)
    total, after = 0, 0
    while True:
        with store.write() as connection:
            done, after = credentials.reencrypt_some(connection, vault, after)
        if not done:
            break
        total += done
        progress(total)
    with store.write() as connection:
        second_factors = administrators.reencrypt(connection, vault)
    if second_factors:
        progress(total + second_factors)
    return Rotated(vault.primary, not unfinished, total + second_factors)


def prune(store: Store, path: Path, now: datetime) -> list[str]:
    """Remove the keys that no stored secret needs, and return their ids. Backups from before the rotation need them still.

    Raises:
        KeyProblem: the last rotation is less than PRUNE_AFTER ago or was not finished, or the file cannot be changed.
        StoreUnavailable: the database cannot be asked.
    """
    newest, *old = uses(store, Vault(path))
    if newest.made_at is None or now - newest.made_at < PRUNE_AFTER:
        raise KeyProblem(f"{path}: the newest key is less than {PRUNE_AFTER} old; a process may still use the one before (wait)")
    if any(use.secrets for use in old):
        raise KeyProblem(f"{path}: some secrets still need an old key (finish with 'cgappliance key rotate')")
    removed = {use.id for use in old}
    if removed:
        keyfile.change(path, lambda keys: tuple(key for key in keys if key.id not in removed))
    return sorted(removed)
