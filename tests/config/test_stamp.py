import os
from pathlib import Path

import pytest

from cgappliance.config import stamp as module
from cgappliance.config.stamp import SETTLED_AFTER_NS, Stamp


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of this moment, which the clock of the stamps takes for one that has been there for long."""
    path = tmp_path / "file"
    path.write_text("one")
    monkeypatch.setattr(module.time, "time_ns", lambda: path.stat().st_ctime_ns + SETTLED_AFTER_NS + 1)
    return path


def stamp(path: Path) -> Stamp:
    return Stamp.of(path, path.stat())


def test_stamp_holds_while_the_file_is_the_same(path: Path):
    assert stamp(path).still_holds()


def test_longer_content_is_noticed(path: Path):
    older = stamp(path)
    path.write_text("three")
    assert not older.still_holds()


def test_file_put_in_its_place_is_noticed_even_with_its_times(path: Path):
    older = stamp(path)
    other = path.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert not older.still_holds()


def test_permission_is_noticed(path: Path):
    older = stamp(path)
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:  # the kernel's clock ticks in milliseconds
        path.chmod(0o644)
    assert not older.still_holds()


def test_file_that_is_gone_is_noticed(path: Path):
    older = stamp(path)
    path.unlink()
    assert not older.still_holds()


@pytest.mark.parametrize(("age_ns", "holds"), [(-1, False), (SETTLED_AFTER_NS, False), (SETTLED_AFTER_NS + 1, True)])
def test_stamp_of_a_file_that_has_just_changed_proves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, age_ns: int, holds: bool
):
    now = path.stat().st_ctime_ns + age_ns
    monkeypatch.setattr(module.time, "time_ns", lambda: now)
    assert stamp(path).still_holds() is holds
