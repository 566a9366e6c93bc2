"""The example that plugin authors copy: installed as they install theirs, it keeps the contract and logs people in."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cgappliance.model import MailProtocol
from cgappliance.testing.lab.process import clean_environment
from cgappliance.testing.lab.world import TARO, World

from .talking import ACCEPTED, PROTOCOLS, REFUSED, Conversation

EXAMPLE = Path(__file__).parents[2] / "plugins/cgappliance-plugin-example"
PASSWORD = "one for all"
Talk = Callable[[MailProtocol], Conversation]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example and, beside it, a folder into which it is installed with pip."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run([*pip, "--target", str(folder / "installed"), str(folder / "source")], folder)
    return folder


def run(command: list[str], folder: Path) -> str:
    environment = clean_environment(PYTHONPATH=str(folder / "installed"), HOME=str(folder))
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_installed_example_is_discovered(example: Path) -> None:
    code = "from cgappliance.plugins import discover; print(*discover().backends)"
    assert "one-password" in run([sys.executable, "-c", code], example).split()


def test_installed_example_keeps_the_contract(example: Path) -> None:
    pytest_ = [sys.executable, "-m", "gevent.monkey", "--module", "pytest", "-p", "no:cacheprovider", "--quiet"]
    assert " passed" in run([*pytest_, str(example / "source/tests")], example)


class WorldOfTheExample(World):
    """A world whose tenant logs in through the installed example."""

    def __init__(self, folder: Path, installed: Path) -> None:
        super().__init__(folder)
        self.appliance.process.environment["PYTHONPATH"] = str(installed)
        self.password_file = folder / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD + "\n")

    def tenant_file(self, **changes: str) -> str:
        auth = f'backend = "one-password"\npassword_file = "{self.password_file}"'
        return super().tenant_file(auth=auth, **changes)


@pytest.fixture(scope="module")
def world(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with WorldOfTheExample(tmp_path_factory.mktemp("world"), example / "installed") as world:
        yield world


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_mail_client_logs_in_through_the_installed_example(talk: Talk, protocol: MailProtocol) -> None:
    assert talk(protocol).log_in(TARO.address, PASSWORD).startswith(ACCEPTED[protocol])
    assert talk(protocol).log_in_as(TARO) == REFUSED[protocol]
