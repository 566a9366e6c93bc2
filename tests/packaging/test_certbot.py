"""certbot's hook: copies the renewed certificate of those that have a folder, for the service to read."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT

HOOK = ROOT / "packaging/certbot/cgappliance"
NAME = "mail.acme.example"


@pytest.fixture
def lineage(tmp_path: Path) -> Path:
    folder = tmp_path / "live" / NAME
    folder.mkdir(parents=True)
    for name in ("fullchain.pem", "privkey.pem"):
        (folder / name).write_text(f"new {name}")
    (tmp_path / "tls").mkdir()
    return folder


def run(tmp_path: Path, lineage: Path) -> None:
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "RENEWED_LINEAGE": str(lineage),
        "CGAPPLIANCE_TLS": str(tmp_path / "tls"),
        "CGAPPLIANCE_GROUP": grp.getgrgid(os.getgid()).gr_name,
        "CGAPPLIANCE_SOCKET": str(tmp_path / "control.sock"),
    }
    subprocess.run(["sh", HOOK], env=environment, check=True, timeout=20)


def test_certificate_without_a_folder_is_none_of_ours(tmp_path: Path, lineage: Path) -> None:
    run(tmp_path, lineage)
    assert list((tmp_path / "tls").iterdir()) == []


def test_certificate_and_key_are_copied_for_the_group(tmp_path: Path, lineage: Path) -> None:
    folder = tmp_path / "tls" / NAME
    folder.mkdir()
    (folder / "privkey.pem").write_text("old")
    run(tmp_path, lineage)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "fullchain.pem": "new fullchain.pem",
        "privkey.pem": "new privkey.pem",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def test_old_certificate_stays_when_the_new_one_is_incomplete(tmp_path: Path, lineage: Path) -> None:
    folder = tmp_path / "tls" / NAME
    folder.mkdir()
    (folder / "fullchain.pem").write_text("old")
    (lineage / "privkey.pem").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        run(tmp_path, lineage)
    assert (folder / "fullchain.pem").read_text() == "old"
