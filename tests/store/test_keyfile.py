from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cgappliance.store import keyfile
from cgappliance.store.errors import KeyProblem

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.key"


def add(path: Path) -> tuple[keyfile.Key, ...]:
    return keyfile.change(path, lambda keys: (keyfile.new_key(NOW), *keys))


def test_a_new_file_is_for_its_owner_only_and_holds_one_key(path: Path) -> None:
    key = keyfile.create(path, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keyfile.read(path) == (key,)


def test_an_existing_file_is_never_made_anew(path: Path) -> None:
    key = keyfile.create(path, NOW)
    with pytest.raises(KeyProblem, match="already"):
        keyfile.create(path, NOW)
    assert keyfile.read(path) == (key,)


def test_an_added_key_comes_first_and_the_old_one_stays(path: Path) -> None:
    old = keyfile.create(path, NOW)
    assert add(path)[1:] == (old,)
    assert keyfile.read(path)[1:] == (old,)


def test_a_change_keeps_the_mode(path: Path) -> None:
    keyfile.create(path, NOW)
    path.chmod(0o640)
    add(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_change_that_fails_leaves_the_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keyfile.create(path, NOW)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(KeyProblem, match="No space left"):
        add(path)
    assert keyfile.read(path) == (key,)
    assert list(path.parent.iterdir()) == [path]


def test_too_many_keys_are_refused(path: Path) -> None:
    keyfile.create(path, NOW)
    with pytest.raises(KeyProblem, match="1 to 16 keys"):
        keyfile.change(path, lambda keys: (*keys, *(keyfile.new_key(NOW) for _ in range(16))))


def test_removing_all_keys_is_refused(path: Path) -> None:
    keyfile.create(path, NOW)
    with pytest.raises(KeyProblem, match="1 to 16 keys"):
        keyfile.change(path, lambda _: ())


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o601])
def test_a_file_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    keyfile.create(path, NOW)
    path.chmod(mode)
    with pytest.raises(KeyProblem, match="chmod 600"):
        keyfile.read(path)


def test_a_systemd_credential_is_taken_whatever_its_mode(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keyfile.create(path, NOW)
    path.chmod(0o444)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))
    assert keyfile.read(path) == (key,)


def test_a_missing_file_says_what_to_do(path: Path) -> None:
    with pytest.raises(KeyProblem, match="cgappliance key init"):
        keyfile.read(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:10],
        lambda line: line.replace(line.split()[1], "A" * 43 + "="),
        lambda line: line.replace(line.split()[1], "not base64!"),
        lambda line: line.replace(line.split()[2], "yesterday"),
        lambda line: line.replace("+00:00", ""),
    ],
)
def test_a_damaged_line_is_named_and_not_shown(path: Path, damage: object) -> None:
    keyfile.create(path, NOW)
    *header, line = path.read_text().splitlines()
    path.write_text("\n".join([*header, damage(line)]))
    with pytest.raises(KeyProblem, match=r"store\.key:3: this line is no key") as caught:
        keyfile.read(path)
    assert line.split()[1][:8] not in f"{caught.value}{caught.value.__cause__}"


def test_an_empty_file_is_refused(path: Path) -> None:
    path.touch(0o600)
    with pytest.raises(KeyProblem, match="holds no key"):
        keyfile.read(path)


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(bytes(9000))
    path.chmod(0o600)
    with pytest.raises(KeyProblem, match="no key file"):
        keyfile.read(path)


def test_a_key_does_not_show_its_bytes(path: Path) -> None:
    key = keyfile.create(path, NOW)
    assert repr(key.material)[2:10] not in repr(key)
