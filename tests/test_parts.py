"""What tox runs in parts is run whole: each test file is in exactly one part."""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
ALL: Final = ("tests", "plugins")  # testpaths of pyproject.toml
NOT_OURS: Final = "plugins/cgappliance-plugin-example/"  # tests/integration installs it and runs its tests


class Part:
    """What one call of pytest looks at."""

    def __init__(self, command: str) -> None:
        words = shlex.split(command.partition("pytest ")[2])
        self._ignored = [word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")]
        self._paths = [word for word in words if (ROOT / word).exists()] or list(ALL)

    def has(self, file: str) -> bool:
        return _within(file, self._paths) and not _within(file, self._ignored)


def _within(file: str, paths: list[str]) -> bool:
    return any(file == path or file.startswith(f"{path}/") for path in paths)


def files_of_tests() -> list[str]:
    """Return the paths of all files in which pytest looks for tests."""
    found = [str(path.relative_to(ROOT)) for folder in ALL for path in (ROOT / folder).rglob("test_*.py")]
    return [file for file in found if not file.startswith(NOT_OURS)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Part]]:
    """Return what the environments of tox.ini do, as tox understands it."""
    argv = [sys.executable, "-m", "tox", "config", "-k", "commands", "--workdir", str(tmp_path_factory.mktemp("tox"))]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    environments = configparser.ConfigParser(interpolation=None)
    environments.read_string(told)
    return {
        name.removeprefix("testenv:"): [Part(line) for line in environments[name]["commands"].splitlines() if "pytest " in line]
        for name in environments.sections()
    }


def in_how_many(file: str, parts: list[Part]) -> int:
    return sum(part.has(file) for part in parts)


def test_every_file_is_in_one_part_of_the_integration(parts: dict[str, list[Part]]) -> None:
    of_integration = [part for name, of_it in parts.items() if name.startswith("integration-") for part in of_it]
    assert len(of_integration) == 4
    assert [file for file in files_of_tests() if in_how_many(file, of_integration) != 1] == []


def test_every_file_that_needs_no_server_is_in_one_part_of_the_rest(parts: dict[str, list[Part]]) -> None:
    rest = parts["unit"] + parts["docs"]
    files = [file for file in files_of_tests() if not file.startswith("tests/integration/")]
    assert [file for file in files if in_how_many(file, rest) != 1] == []
