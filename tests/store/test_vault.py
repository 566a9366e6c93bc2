from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cgappliance.secret import Secret
from cgappliance.store import keyfile
from cgappliance.store.errors import KeyProblem
from cgappliance.store.vault import SECRET_MAX_BYTES, Place, Vault

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
PLACE = Place("acme", "0123", "managed_password")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.key"
    keyfile.create(path, NOW)
    return path


def rotate(path: Path) -> None:
    keyfile.change(path, lambda keys: (keyfile.new_key(NOW), *keys))


def forget_old(path: Path) -> None:
    keyfile.change(path, lambda keys: keys[:1])


@pytest.mark.parametrize("text", ["", "hunter2", 'パスワード"\\', "x" * SECRET_MAX_BYTES])
def test_a_secret_comes_back_as_it_was(path: Path, text: str) -> None:
    vault = Vault(path)
    assert vault.open(vault.seal(Secret(text), PLACE).blob, PLACE) == Secret(text)


def test_a_ciphertext_does_not_hold_the_secret_and_never_repeats(path: Path) -> None:
    vault = Vault(path)
    first, second = (vault.seal(Secret("hunter2hunter2"), PLACE).blob for _ in range(2))
    assert b"hunter2" not in first
    assert first[9:] != second[9:]


@pytest.mark.parametrize(
    "place", [Place("other", "0123", PLACE.field), Place("acme", "0124", PLACE.field), Place("acme", "0123", "x")]
)
def test_a_ciphertext_opens_in_its_own_place_only(path: Path, place: Place) -> None:
    vault = Vault(path)
    with pytest.raises(KeyProblem, match="moved from another account"):
        vault.open(vault.seal(Secret("x"), PLACE).blob, place)


def test_places_that_read_the_same_in_a_row_are_different() -> None:
    assert Place("ab", "c", "d").associated_data() != Place("a", "bc", "d").associated_data()


@pytest.mark.parametrize("position", [0, 1, 12, -1])
def test_a_changed_byte_is_noticed(path: Path, position: int) -> None:
    vault = Vault(path)
    blob = bytearray(vault.seal(Secret("x"), PLACE).blob)
    blob[position] ^= 1
    with pytest.raises(KeyProblem):
        vault.open(bytes(blob), PLACE)


def test_a_wrong_key_file_is_named_with_the_key_that_is_missing(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    keyfile.create(other, NOW)
    sealed = Vault(path).seal(Secret("x"), PLACE)
    with pytest.raises(KeyProblem, match=f"encrypted with key {sealed.key_id}, which is not in the key file"):
        Vault(other).open(sealed.blob, PLACE)


def test_a_running_process_encrypts_with_a_new_key_at_once(path: Path) -> None:
    vault = Vault(path)
    rotate(path)
    assert vault.seal(Secret("x"), PLACE).key_id == keyfile.read(path)[0].id


def test_a_running_process_reads_what_another_encrypted_with_a_new_key(path: Path) -> None:
    running = Vault(path)
    rotate(path)
    sealed = Vault(path).seal(Secret("x"), PLACE)
    assert running.open(sealed.blob, PLACE) == Secret("x")


def test_an_old_key_opens_until_it_is_removed(path: Path) -> None:
    sealed = Vault(path).seal(Secret("x"), PLACE)
    rotate(path)
    assert Vault(path).open(sealed.blob, PLACE) == Secret("x")
    forget_old(path)
    with pytest.raises(KeyProblem, match="not in the key file"):
        Vault(path).open(sealed.blob, PLACE)


def test_a_key_file_that_vanishes_stops_encryption_and_not_decryption(path: Path) -> None:
    vault = Vault(path)
    sealed = vault.seal(Secret("x"), PLACE)
    path.unlink()
    assert vault.open(sealed.blob, PLACE) == Secret("x")
    with pytest.raises(KeyProblem, match="no key file"):
        vault.seal(Secret("x"), PLACE)


def test_a_secret_that_is_too_long_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        Vault(path).seal(Secret("x" * (SECRET_MAX_BYTES + 1)), PLACE)


def test_derived_keys_differ_by_purpose_and_agree_between_processes(path: Path) -> None:
    assert Vault(path).derived_key("a") == Vault(path).derived_key("a") != Vault(path).derived_key("b")
