from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cgappliance.cli import main
from tests.config.kit import KINDS, Place

Run = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def run(place: Place, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line on the place, with the fake kinds of the kit."""
    monkeypatch.delenv("CGAPPLIANCE_CONFIG", raising=False)
    monkeypatch.setattr("cgappliance.plugins.discover", lambda: KINDS)
    for noun in ("check", "tenant"):
        monkeypatch.setattr(f"cgappliance.cli.{noun}.discover", lambda: KINDS)

    def call(*arguments: str, config: bool = True) -> Result:
        return CliRunner().invoke(main, [*(("--config", str(place.toml)) if config else ()), *arguments])

    return call
