"""Options of the whole test suite."""

import pytest
from gevent import monkey

from cgappliance import tls_errors

if monkey.is_module_patched("ssl"):  # as in the appliance itself: the tests' own connections are reset, too
    tls_errors.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--soak``."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak too: they take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests unless they are asked for."""
    if config.getoption("--soak"):
        return
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="takes minutes (--soak runs it)"))
