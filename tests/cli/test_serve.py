import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.config.kit import Place

from .conftest import Run


@pytest.mark.parametrize("status", [0, 2])
def test_serve_hands_the_configuration_over_and_returns_the_servers_status(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, status: int
):
    served: list[Path] = []
    server = ModuleType("cgappliance.server.run")
    server.serve = lambda path, _make_site: served.append(path) or status  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cgappliance.server.run", server)
    assert run("serve").exit_code == status
    assert served == [place.toml]
