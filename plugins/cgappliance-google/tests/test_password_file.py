import logging
import os
from pathlib import Path

import pytest
from cgappliance_google import password_file
from cgappliance_google.password_file import PasswordFile, check

from cgappliance.plugin_api import Secret

GOOD = '"yuki@acme.example" = "abcd efgh ijkl mnop"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "passwords.toml", GOOD)


def written(path: Path, text: str, mode: int = 0o640) -> Path:
    """Write as an editor or a deployment does: a new file in the old one's place."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(mode)
    new.rename(path)
    return path


def test_password_is_found_without_case(path: Path):
    assert PasswordFile(path).lookup("Yuki@ACME.example") == Secret("abcd efgh ijkl mnop")


def test_unknown_address_has_none(path: Path):
    assert PasswordFile(path).lookup("taro@acme.example") is None


def test_changed_file_is_read_again(path: Path):
    passwords = PasswordFile(path)
    passwords.lookup("yuki@acme.example")

    written(path, '"yuki@acme.example" = "new"\n')

    assert passwords.lookup("yuki@acme.example") == Secret("new")


def test_unchanged_file_is_read_once(path: Path, monkeypatch: pytest.MonkeyPatch):
    passwords = PasswordFile(path)
    passwords.lookup("yuki@acme.example")
    monkeypatch.setattr(password_file, "_read", lambda _path: pytest.fail("read again"))

    assert passwords.lookup("yuki@acme.example") is not None


@pytest.mark.parametrize("text", ["broken", '"yuki@acme.example" = 5\n'])
def test_broken_change_keeps_the_last_good_content_and_warns_once(path: Path, text: str, caplog: pytest.LogCaptureFixture):
    passwords = PasswordFile(path)
    passwords.lookup("yuki@acme.example")
    written(path, text)

    with caplog.at_level(logging.WARNING):
        found = [passwords.lookup("yuki@acme.example") for _ in range(3)]

    assert found == [Secret("abcd efgh ijkl mnop")] * 3
    assert len(caplog.records) == 1


def test_removed_file_keeps_the_last_good_content(path: Path):
    passwords = PasswordFile(path)
    passwords.lookup("yuki@acme.example")

    path.unlink()

    assert passwords.lookup("yuki@acme.example") is not None


def test_forget_reads_the_file_again(path: Path):
    passwords = PasswordFile(path)
    passwords.lookup("yuki@acme.example")
    status = path.stat()
    path.write_text(GOOD.replace("mnop", "zzzz"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    passwords.forget()

    assert passwords.lookup("yuki@acme.example") == Secret("abcd efgh ijkl zzzz")


def test_good_file_has_no_problem(path: Path):
    assert check(path) is None


@pytest.mark.parametrize("mode", [0o644, 0o641, 0o602, 0o660 | 0o004])
def test_file_that_others_may_use_is_refused(path: Path, mode: int):
    path.chmod(mode)

    assert check(path) == f"others may read or change it (chmod 0640 {path})"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no toml", "not TOML: "),
        ('"yuki@acme.example" = 5', 'yuki@acme.example: not "address" = "password"'),
        ('"yuki@acme.example" = ""', 'yuki@acme.example: not "address" = "password"'),
        ("[yuki]\nx = 1", 'yuki: not "address" = "password"'),
        ('"yuki@acme.example" = "a"\n"Yuki@acme.example" = "b"', "Yuki@acme.example: stands there twice"),
    ],
)
def test_problem_is_said(tmp_path: Path, text: str, problem: str):
    assert str(check(written(tmp_path / "passwords.toml", text))).startswith(problem)


def test_missing_file_is_said(tmp_path: Path):
    assert str(check(tmp_path / "none")).startswith("cannot be read: FileNotFoundError (")


def test_file_of_the_wrong_kind_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(password_file, "SIZE_LIMIT_BYTES", 10)

    assert str(check(written(tmp_path / "passwords.toml", GOOD))).startswith("larger than 10 bytes (")


def test_no_password_shows_in_a_problem(tmp_path: Path):
    problem = str(check(written(tmp_path / "passwords.toml", '"yuki@acme.example" = "hunter2" "x"')))

    assert problem.startswith("not TOML: ")
    assert "hunter2" not in problem
