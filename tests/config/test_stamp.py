import os
from dataclasses import replace
from pathlib import Path

import pytest

from cgappliance.config import stamp as module
from cgappliance.config.stamp import SETTLED_AFTER_NS, Stamp, digest_of


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


@pytest.fixture
def soon(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was read the moment it had changed: its times prove nothing."""
    monkeypatch.setattr(module.time, "time_ns", lambda: path.stat().st_ctime_ns + SETTLED_AFTER_NS)
    return path


def forged(older: Stamp) -> Stamp:
    """Return a stamp whose times fit the file as it is now, as those of a coarse clock do."""
    status = older.path.stat()
    return replace(older, changed_ns=status.st_ctime_ns, inode=status.st_ino)


@pytest.mark.parametrize(("age_ns", "settled"), [(-1, False), (SETTLED_AFTER_NS, False), (SETTLED_AFTER_NS + 1, True)])
def test_stamp_of_a_file_that_has_just_changed_is_not_settled(path: Path, monkeypatch, age_ns: int, settled: bool):
    now = path.stat().st_ctime_ns + age_ns
    monkeypatch.setattr(module.time, "time_ns", lambda: now)
    assert stamp(path).settled is settled


def test_content_decides_where_times_prove_nothing(soon: Path):
    older = replace(stamp(soon), digest=digest_of(b"one"))
    assert older.still_holds()
    soon.write_text("two")
    assert not forged(older).still_holds()


def test_file_that_was_not_read_to_the_end_is_not_settled_by_its_content(soon: Path):
    assert not stamp(soon).still_holds()
