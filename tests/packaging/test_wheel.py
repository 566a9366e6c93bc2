"""The wheel: all that the package needs to run is in it, nothing else, and building it says nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.documents import ROOT

LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel, built of a tree in which Python and an editor have left something, and what was said."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "cgappliance", folder / "source/cgappliance", ignore=LEFT_BEHIND)
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    for stray in ("web/static/site.css~", "store/migrations/versions/__pycache__/old.cpython-311.pyc"):
        (folder / "source/cgappliance" / stray).parent.mkdir(exist_ok=True)
        (folder / "source/cgappliance" / stray).touch()
    pip = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--wheel-dir", folder, folder / "source"], capture_output=True, text=True, timeout=120, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel, done.stdout + done.stderr


def test_everything_is_in_it_and_nothing_else(built: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cgappliance", tmp_path / "cgappliance", ignore=LEFT_BEHIND)
    wanted = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    carried = {name for name in zipfile.ZipFile(built[0]).namelist() if name.startswith("cgappliance/")}
    assert carried == wanted


def test_build_warns_of_nothing(built: tuple[Path, str]) -> None:
    # that no byte code is made is what PYTHONDONTWRITEBYTECODE asks for
    lines = [line for line in built[1].splitlines() if "warning" in line.lower() and "byte-compiling is disabled" not in line]
    assert lines == []
