"""logcheck's filter: routine is no news, warnings and errors are."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from cgappliance import log
from tests.documents import ROOT

FILTER = ROOT / "packaging/logcheck/cgappliance"
PREFIXES = ["Nov 24 08:47:48 mail cgappliance[35]: ", "2026-11-24T08:47:48.123456+00:00 mail cgappliance[35]: "]


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> list[str]:
    """The lines of an event of each level, in the format that the test wants, as they stand in a log file."""
    fmt, level = request.param
    stream = io.StringIO()
    log.configure("debug", fmt, stream)
    getattr(log.get(), level)("session.end", tenant="acme", detail='says "no"')
    log.configure()
    return [prefix + stream.getvalue() for prefix in PREFIXES]


def reported(lines: list[str], tmp_path: Path) -> list[str]:
    """Return what logcheck would mail: it passes lines through egrep with the filter's expressions."""
    text = tmp_path / "log"
    text.write_text("".join(lines))
    done = subprocess.run(["grep", "-vEf", FILTER, text], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.splitlines(keepends=True)


@pytest.mark.parametrize("lines", [("text", "info"), ("json", "info"), ("text", "debug")], indirect=True)
def test_routine_is_no_news(lines: list[str], tmp_path: Path) -> None:
    assert reported(lines, tmp_path) == []


@pytest.mark.parametrize("lines", [("text", "warning"), ("json", "warning"), ("text", "error"), ("json", "error")], indirect=True)
def test_trouble_is_news(lines: list[str], tmp_path: Path) -> None:
    assert reported(lines, tmp_path) == lines
