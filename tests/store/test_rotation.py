from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cgappliance.secret import Secret
from cgappliance.store import changes, credentials, keyfile, rotation
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Store
from cgappliance.store.errors import KeyProblem
from cgappliance.store.vault import Vault
from tests.store.people import NOW, add_account

LATER = NOW + timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.key"
    keyfile.create(path, NOW)
    return path


def add_secrets(store: Store, path: Path, count: int) -> None:
    vault = Vault(path)
    for number in range(count):
        account = add_account(store, f"u{number}@x")
        with changes.change(store) as transaction:
            made = {"kind": Kind.APP_PASSWORD, "state": State.CURRENT, "secret": Secret(f"pw{number}"), "by": "test", "now": NOW}
            credentials.add(transaction, vault, account, **made)


def passwords(store: Store, vault: Vault) -> set[str]:
    with store.read() as connection:
        found = [credentials.of_address(connection, "acme", f"u{number}@x") for number in range(3)]
    return {sealed.open(vault).reveal() for one in found for sealed in one}


def test_a_rotation_adds_a_key_and_encrypts_everything_with_it(store: Store, path: Path) -> None:
    add_secrets(store, path, 3)
    told: list[int] = []
    done = rotation.rotate(store, path, LATER, told.append)
    assert (done.key_id, done.added, done.reencrypted, told) == (keyfile.read(path)[0].id, True, 3, [3])
    assert [(use.secrets, use.encrypts) for use in rotation.uses(store, Vault(path))] == [(3, True), (0, False)]


def test_a_running_process_reads_on_during_and_after_a_rotation(store: Store, path: Path) -> None:
    add_secrets(store, path, 3)
    running = Vault(path)
    rotation.rotate(store, path, LATER)
    assert passwords(store, running) == {"pw0", "pw1", "pw2"}


def test_an_interrupted_rotation_is_finished_with_the_key_that_it_had_added(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "REENCRYPT_BATCH", 1)
    add_secrets(store, path, 3)

    def die(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(store, path, LATER, die)
    half = keyfile.read(path)
    done = rotation.rotate(store, path, LATER)
    assert (done.added, done.reencrypted, keyfile.read(path)) == (False, 2, half)
    assert passwords(store, Vault(path)) == {"pw0", "pw1", "pw2"}


def test_a_secret_that_cannot_be_opened_stops_the_rotation_and_spoils_nothing(store: Store, path: Path, tmp_path: Path) -> None:
    add_secrets(store, path, 3)
    other = tmp_path / "other.key"
    keyfile.create(other, NOW)
    with pytest.raises(KeyProblem, match="not in the key file"):
        rotation.rotate(store, other, LATER)
    assert passwords(store, Vault(path)) == {"pw0", "pw1", "pw2"}


def test_old_keys_are_removed_when_nothing_needs_them(store: Store, path: Path) -> None:
    add_secrets(store, path, 1)
    (old,) = keyfile.read(path)
    rotation.rotate(store, path, LATER)
    assert rotation.prune(store, path, LATER + rotation.PRUNE_AFTER) == [old.id]
    assert passwords(store, Vault(path)) == {"pw0"}
    assert rotation.prune(store, path, LATER + rotation.PRUNE_AFTER) == []


def test_old_keys_stay_for_an_hour(store: Store, path: Path) -> None:
    rotation.rotate(store, path, LATER)
    with pytest.raises(KeyProblem, match="wait"):
        rotation.prune(store, path, LATER + rotation.PRUNE_AFTER - timedelta(seconds=1))


def test_old_keys_stay_while_a_secret_needs_them(store: Store, path: Path) -> None:
    add_secrets(store, path, 1)
    keyfile.change(path, lambda keys: (keyfile.new_key(NOW), *keys))
    with pytest.raises(KeyProblem, match="finish with"):
        rotation.prune(store, path, LATER)


def test_the_check_at_start_names_keys_that_are_missing(store: Store, path: Path, tmp_path: Path) -> None:
    add_secrets(store, path, 2)
    rotation.check(store, Vault(path))
    (key,) = keyfile.read(path)
    other = tmp_path / "other.key"
    keyfile.create(other, NOW)
    with pytest.raises(KeyProblem, match=rf"{key.id} \(2 secrets\)"):
        rotation.check(store, Vault(other))
