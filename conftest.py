"""Options of the whole test suite."""

from collections.abc import Generator
from typing import Final

import pytest
from gevent import monkey

from cgappliance import tls_errors

if monkey.is_module_patched("ssl"):  # as in the appliance itself: the tests' own connections are reset, too
    tls_errors.install()

#: How reasons begin for which a test may be skipped even where everything is installed.
GOOD_REASONS: Final = ("takes minutes", "the author says", "only root may")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--soak`` and ``--complete``."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak too: they take minutes")
    parser.addoption("--complete", action="store_true", help="fail when a test is skipped for want of something to be installed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests unless they are asked for."""
    if config.getoption("--soak"):
        return
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="takes minutes (--soak runs it)"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ``--complete``, let a test fail that lacks something: script/bootstrap is to install it."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and item.config.getoption("--complete"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not hasattr(report, "wasxfail") and not reason.startswith(GOOD_REASONS):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, which --complete does not allow: {reason}"
    return report
