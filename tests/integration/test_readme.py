"""What a newcomer types works: the ten lines of the README, and the tutorial's first lesson with the output that it shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cgappliance.testing.lab.process import clean_environment, free_port, wait_until
from tests.documents import ROOT, of_page, typed_lines

PORTS = ("10993", "10995", "10465", "20993", "20995", "20465")
BOOTSTRAP = "script/bootstrap --demo"  # has made the venv that this test runs in
TIMEOUT_S = 60
END_S = 20
MARK = "@@@"


class Desk:
    """Where the newcomer sits: a clone as far as the commands look at it, with ports that are free here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = {port: str(free_port()) for port in PORTS}
        (folder / ".venv").symlink_to(sys.prefix)
        for source in (ROOT / "docs/examples/first").rglob("*.*"):
            if source.is_file():
                copy = folder / source.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(self._moved(source.read_text(encoding="utf-8")), encoding="utf-8")

    def _moved(self, text: str) -> str:
        return re.sub(r"\b[12]0\d{3}\b", lambda found: self._ports.get(found[0], found[0]), text)

    def type(self, lines: list[str]) -> str:
        """Return what bash, and all that it starts, print; nothing of it is left running."""
        printed = self.folder / "printed"
        with printed.open("wb") as out:
            self._shell = subprocess.Popen(
                ["bash", "-c", self._moved("\n".join(lines))],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=clean_environment(HOME=str(self.folder)),
                start_new_session=True,
            )
        wait_until(lambda: self._shell.poll() is not None, "bash has done all lines", TIMEOUT_S)
        wait_until(lambda: not self._members(), "all that was started has ended", END_S)
        return printed.read_text(encoding="utf-8")

    def _members(self) -> list[int]:
        return [process.pid for process in psutil.process_iter() if _group(process.pid) == self._shell.pid]

    def leave(self) -> None:
        """End what a failed test has left."""
        if self._members():
            os.killpg(self._shell.pid, signal.SIGKILL)
            print((self.folder / "printed").read_text(encoding="utf-8"))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.leave()


def test_ten_lines_of_the_readme_reach_the_first_login(desk: Desk) -> None:
    (block,) = of_page("README.md", "sh")
    first, *lines = block.text.splitlines()
    printed = desk.type(["set -e", *lines])
    assert first == BOOTSTRAP
    assert "0 errors, 0 warnings; 1 of 1 tenant can be served" in printed
    assert "Subject: Welcome" in printed
    assert "outcome=accepted" in (desk.folder / "try/log").read_text()


def masked(text: str) -> list[str]:
    """Return lines without what differs from run to run: numbers, ids, phases, the day of the week, the width of columns."""
    text = re.sub(r"(conn|phases)=\S+", r"\1=...", text)
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]+\b", "ID", text)
    text = re.sub(r"\b(mon|tue|wed|thu|fri|sat|sun)\b", "DAY", text)
    text = re.sub(r"\d[\d.:,TZ-]*", "N", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_first_lesson_of_the_tutorial_shows_what_happens(desk: Desk) -> None:
    blocks = of_page("docs/tutorial/first-login.rst", "console")
    typed = [line for block in blocks for line in typed_lines(block)]
    shown = [part for block in blocks for part in re.split(r"^\$ .*$", block.text, flags=re.MULTILINE)[1:]]
    printed = desk.type([f"echo {MARK}\n{line}" for line in typed[1:]]).split(f"{MARK}\n")[1:]
    assert typed[0] == BOOTSTRAP
    for line, wanted, came in zip(typed[1:], shown[1:], printed, strict=True):
        assert masked(came) == masked(wanted), line
