import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import argon2
import pytest
from cgappliance_local import users

from cgappliance.plugin_api import Secret

HASH = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def file(tmp_path: Path, fast_hashes: None) -> Path:
    path = tmp_path / "people"
    users.set_password(path, "yuki@acme.example", Secret("first"))
    return path


def right(path: Path, address: str, password: str) -> bool:
    return users.verify(users.read(path).get(address), Secret(password))


def test_password_is_the_one_that_was_set(file: Path) -> None:
    assert right(file, "yuki@acme.example", "first")
    assert not right(file, "yuki@acme.example", "first ")
    assert not right(file, "ken@acme.example", "first")


def test_new_password_replaces_the_old_one(file: Path) -> None:
    users.set_password(file, "Yuki@ACME.example", Secret("second"))
    assert list(users.read(file)) == ["yuki@acme.example"]
    assert (right(file, "yuki@acme.example", "first"), right(file, "yuki@acme.example", "second")) == (False, True)


def test_password_is_not_in_the_file(file: Path) -> None:
    assert "first" not in file.read_text()
    assert "argon2id" not in repr(users.read(file))


def test_all_else_in_the_file_is_kept(file: Path) -> None:
    file.write_text(f"# our people\n\nKen@acme.example {HASH}   disabled # until May\n{file.read_text()}")
    users.set_password(file, "ken@acme.example", Secret("new"))
    first, second, ken, yuki = file.read_text().splitlines()
    assert (first, second) == ("# our people", "")
    assert ken.endswith("   disabled   # until May")
    assert yuki.startswith("yuki@acme.example   $argon2id$")


def test_disabled_person_is_enabled_again_with_the_old_password(file: Path) -> None:
    users.set_disabled(file, "yuki@acme.example", disabled=True)
    assert users.read(file)["yuki@acme.example"].disabled
    users.set_password(file, "yuki@acme.example", Secret("second"))
    assert users.read(file)["yuki@acme.example"].disabled
    users.set_disabled(file, "yuki@acme.example", disabled=False)
    assert not users.read(file)["yuki@acme.example"].disabled
    assert right(file, "yuki@acme.example", "second")


def test_removed_person_is_gone(file: Path) -> None:
    users.remove(file, "YUKI@acme.example")
    assert users.read(file) == {}


def test_nobody_is_removed_or_disabled_only_once_known(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(users.UsersFileError, match=r"there is no ken@acme\.example"):
        users.remove(file, "ken@acme.example")
    with pytest.raises(users.UsersFileError, match=r"there is no ken@acme\.example"):
        users.set_disabled(file, "ken@acme.example", disabled=True)
    assert file.read_text() == before


@pytest.mark.parametrize(
    "address", ["yuki", "@acme.example", "yuki@", "yu ki@acme.example", "#yuki@acme.example", "a@b@c", "yuki@x\n"]
)
def test_address_must_be_one(file: Path, address: str) -> None:
    with pytest.raises(users.UsersFileError, match="is no mail address"):
        users.set_password(file, address, Secret("pw"))


@pytest.mark.parametrize(
    ("password", "words"), [("", "empty"), ("tab\tbed", "control characters"), ("line\n", "control characters")]
)
def test_password_must_be_one_that_clients_can_send(file: Path, password: str, words: str) -> None:
    with pytest.raises(users.UsersFileError, match=words):
        users.set_password(file, "yuki@acme.example", Secret(password))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yuki@acme.example", "a line has an address, a hash and perhaps 'disabled'"),
        (f"yuki@acme.example {HASH} disable", "a line has an address, a hash and perhaps 'disabled'"),
        (f"yuki@acme.example {HASH} disabled again", "a line has an address, a hash and perhaps 'disabled'"),
        ("yuki@acme.example secret", "what follows yuki@acme.example is no argon2 hash"),
        ("yuki@acme.example $6$rounds=5000$salt$hash", "what follows yuki@acme.example is no argon2 hash"),
        (f"yuki {HASH}", "'yuki' is no mail address"),
        (f"ken@acme.example {HASH}", "ken@acme.example stands here a second time"),
        (f"yuki@acme.example {HASH.replace('m=8', 'm=4194304')}", "4194304 KiB of memory at each login; 262144 is the limit"),
    ],
)
def test_wrong_line_is_named(line: str, words: str) -> None:
    with pytest.raises(users.UsersFileError) as error:
        users.parse(f"# people\nken@acme.example {HASH}\n{line}\n", "people")
    assert str(error.value).startswith("people:3: ")
    assert words in str(error.value)
    assert "secret" not in str(error.value)


def test_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("#" * (users.SIZE_LIMIT_BYTES + 1))
    with pytest.raises(users.UsersFileError, match="is longer than 2097152 bytes"):
        users.read(tmp_path / "people")


def test_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "people").write_bytes(b"\xff\xfe")
    with pytest.raises(users.UsersFileError, match="is not UTF-8"):
        users.read(tmp_path / "people")


def test_new_file_is_for_the_administrator_and_the_service(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.stat().st_gid == file.parent.stat().st_gid
    assert not users.readable_by_everybody(file)


def test_changed_file_keeps_its_mode(file: Path) -> None:
    file.chmod(0o604)
    users.set_password(file, "ken@acme.example", Secret("pw"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o604
    assert users.readable_by_everybody(file)


def test_link_is_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    users.set_password(tmp_path / "link", "ken@acme.example", Secret("pw"))
    assert (tmp_path / "link").is_symlink()
    assert right(file, "ken@acme.example", "pw")


def test_failed_change_leaves_the_file_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = file.read_text()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        users.set_password(file, "ken@acme.example", Secret("pw"))
    assert file.read_text() == before
    assert list(file.parent.iterdir()) == [file]


def test_changes_at_the_same_moment_are_all_kept(file: Path) -> None:
    code = (
        "import argon2, sys; from pathlib import Path; "
        "from cgappliance.plugin_api import Secret; from cgappliance_local import users; "
        "users._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1); "
        "users.set_password(Path(sys.argv[1]), sys.argv[2], Secret('pw'))"
    )
    names = [f"p{number}@acme.example" for number in range(6)]
    changing = [subprocess.Popen([sys.executable, "-c", code, str(file), name]) for name in names]
    assert [process.wait(30) for process in changing] == [0] * 6
    assert set(users.read(file)) == {"yuki@acme.example", *names}


def test_stranger_takes_as_long_as_a_wrong_password(tmp_path: Path) -> None:
    """With the real cost: the best of several runs of each differ by less than half."""
    users.set_password(tmp_path / "people", "yuki@acme.example", Secret("pw"))
    yuki = users.read(tmp_path / "people")["yuki@acme.example"]
    assert argon2.extract_parameters(yuki.hash) == argon2.extract_parameters(users.NOBODYS_HASH)
    stranger, known = (min(cost(user) for _ in range(3)) for user in (None, yuki))
    assert 0.5 < stranger / known < 2


def cost(user: users.User | None) -> float:
    started = time.process_time()
    assert not users.verify(user, Secret("wrong"))
    return time.process_time() - started
