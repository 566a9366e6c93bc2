"""The AppArmor profile, as far as it can be told without a kernel that has AppArmor: its parser accepts it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT

PROFILE = ROOT / "packaging/apparmor/cgappliance"
PARSER = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(PARSER is None, reason="apparmor_parser not installed (apt install apparmor)")


def parse(profile: Path) -> subprocess.CompletedProcess[str]:
    command = [str(PARSER), "--skip-kernel-load", "--skip-cache", str(profile)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_parser_accepts_the_profile() -> None:
    done = parse(PROFILE)
    assert done.returncode == 0, done.stderr  # which may also say that this kernel has no AppArmor


def test_parser_refuses_a_profile_with_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "cgappliance"
    broken.write_text(PROFILE.read_text().replace("network inet stream,", "network inet streams"))
    assert parse(broken).returncode != 0
