"""``--complete`` finds what a machine lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TESTS = """
import pytest

@pytest.fixture
def server():
    pytest.skip("samba not installed (apt install samba)")

@pytest.mark.skipif(True, reason="haproxy not installed (apt install haproxy)")
def test_marked(): ...

def test_with_fixture(server): ...

@pytest.mark.skipif(True, reason="only root may mount file systems")
def test_of_root(): ...

@pytest.mark.xfail(strict=True)
def test_expected(): assert False
"""


@pytest.mark.parametrize(("options", "counts"), [([], "3 skipped, 1 xfailed"), (["--complete"], "1 skipped, 1 xfailed, 2 errors")])
def test_what_is_not_installed_fails_only_where_all_is_to_be_there(tmp_path: Path, options: list[str], counts: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *options, str(tmp_path)]
    told = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False).stdout
    assert counts in told
