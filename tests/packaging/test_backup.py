"""cgappliance-backup: one more copy, and the oldest of the same label goes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT

SCRIPT = ROOT / "packaging/backup/cgappliance-backup"
OLD = [f"cgappliance-2026010{day}T000000Z.gz" for day in range(1, 6)]
OTHER = "cgappliance-before-0.2-20250101T000000Z.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with copies, and programs that stand in for the appliance's command line and for becoming its account."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, body in (
        ("cgappliance", '[ ! -e "$0.broken" ] && touch "$3"'),
        ("setpriv", 'while [ "$1" != -- ]; do shift; done; shift; "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    backups = tmp_path / "backups"
    backups.mkdir()
    for name in (*OLD, OTHER):
        (backups / name).touch()
    (tmp_path / "script").write_text(SCRIPT.read_text().replace("/var/lib/cgappliance/backups", str(backups)))
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["sh", folder / "script", *arguments], env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "backups").iterdir())


def test_newest_are_kept_of_the_same_label(folder: Path) -> None:
    assert run(folder, "--keep", "3").returncode == 0
    kept = names(folder)
    assert kept[:2] == OLD[3:]
    assert len(kept) == 4
    assert OTHER in kept


def test_label_with_dots_and_plus_is_taken_literally(folder: Path) -> None:
    assert run(folder, "--keep", "1", "--label", "before-0.2").returncode == 0
    assert OTHER not in names(folder)
    assert set(OLD) <= set(names(folder))


def test_failed_copy_removes_nothing(folder: Path) -> None:
    (folder / "bin/cgappliance.broken").touch()
    assert run(folder, "--keep", "1").returncode != 0
    assert names(folder) == sorted([*OLD, OTHER])


@pytest.mark.parametrize("arguments", [("--keep", "0"), ("--keep", "x"), ("--label", "../up"), ("--what", "1"), ("--keep",)])
def test_mistakes_are_told(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("cgappliance-backup: ")
    assert names(folder) == sorted([*OLD, OTHER])
