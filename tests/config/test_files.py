import os
from pathlib import Path

import pytest

from cgappliance.config.files import MAX_SECRET_BYTES, NamedFiles
from cgappliance.config.problem import Unfit
from cgappliance.secret import Secret

from .kit import write_private


def test_relative_path_starts_at_the_folder_and_absolute_stays(tmp_path: Path):
    files = NamedFiles(tmp_path)
    assert files.resolve("a.pem") == tmp_path / "a.pem"
    assert files.resolve("/etc/a.pem") == Path("/etc/a.pem")


@pytest.mark.parametrize(
    ("content", "text"),
    [("pw", "pw"), ("pw\n", "pw"), ("pw\r\n", "pw"), ("pw\n\n", "pw\n"), (" p w ", " p w "), ("ぱす\n", "ぱす")],
)
def test_secret_is_the_text_without_its_last_line_end(tmp_path: Path, content: str, text: str):
    write_private(tmp_path / "s", content)
    assert NamedFiles(tmp_path).secret("s") == Secret(text)


@pytest.mark.parametrize("content", ["", "\n", "\r\n"])
def test_empty_secret_is_refused(tmp_path: Path, content: str):
    write_private(tmp_path / "s", content)
    with pytest.raises(Unfit, match="is empty"):
        NamedFiles(tmp_path).secret("s")


def test_secret_larger_than_the_limit_is_refused(tmp_path: Path):
    write_private(tmp_path / "s", "x" * MAX_SECRET_BYTES)
    assert NamedFiles(tmp_path).secret("s")
    write_private(tmp_path / "s", "x" * (MAX_SECRET_BYTES + 1))
    with pytest.raises(Unfit, match="is larger than 65536 bytes"):
        NamedFiles(tmp_path).secret("s")


def test_secret_that_is_no_text_is_refused_without_showing_it(tmp_path: Path):
    write_private(tmp_path / "s", b"\xffpassword")
    with pytest.raises(Unfit, match="is not UTF-8") as caught:
        NamedFiles(tmp_path).secret("s")
    assert "password" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644, 0o777])
def test_file_that_others_may_use_is_no_secret(tmp_path: Path, mode: int):
    write_private(tmp_path / "s", "pw", mode)
    with pytest.raises(Unfit, match=rf"others may access .*mode {mode:04o}.*chmod {mode & 0o770:04o} "):
        NamedFiles(tmp_path).secret("s")
    with pytest.raises(Unfit, match="others may access"):
        NamedFiles(tmp_path).private_file("s")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440])
def test_owner_and_group_may_read_a_secret(tmp_path: Path, mode: int):
    write_private(tmp_path / "s", "pw", mode)
    assert NamedFiles(tmp_path).secret("s") == Secret("pw")
    assert NamedFiles(tmp_path).private_file("s") == tmp_path / "s"


def test_public_file_may_be_read_by_others(tmp_path: Path):
    write_private(tmp_path / "ca.pem", "x", 0o644)
    assert NamedFiles(tmp_path).file("ca.pem") == tmp_path / "ca.pem"


@pytest.mark.parametrize("method", ["file", "private_file", "secret"])
@pytest.mark.parametrize(("name", "problem"), [("no", "No such file"), ("folder", "not a regular file"), ("a\0b", "NUL character")])
def test_file_that_is_not_there_is_refused(tmp_path: Path, method: str, name: str, problem: str):
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unfit, match=problem):
        getattr(NamedFiles(tmp_path), method)(name)


def test_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unfit, match="not a regular file"):
        NamedFiles(tmp_path).file("pipe")


def test_file_without_permission_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object) -> None:  # tests may run as root, whom no mode stops
        raise PermissionError(13, "Permission denied")

    write_private(tmp_path / "s", "pw")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Unfit, match=r"cannot be read: Permission denied \(give the service's user"):
        NamedFiles(tmp_path).file("s")


def fingerprint(folder: Path, content: bytes = b"file") -> str:
    files = NamedFiles(folder)
    files.file("ca.pem")
    files.secret("s")
    return files.fingerprint(content)


def test_fingerprint_changes_with_the_file_and_each_named_file(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("ca")
    write_private(tmp_path / "s", "pw")
    first = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == first
    assert fingerprint(tmp_path, b"other") != first
    (tmp_path / "ca.pem").write_text("ca2")
    second = fingerprint(tmp_path)
    write_private(tmp_path / "s", "pw2")
    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_fingerprint_tells_which_file_has_which_content(tmp_path: Path):
    for name, content in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / name).write_text(content)
    one, other = NamedFiles(tmp_path), NamedFiles(tmp_path)
    one.file("a"), one.file("b")
    other.file("b"), other.file("c")
    assert one.fingerprint(b"") != other.fingerprint(b"")
