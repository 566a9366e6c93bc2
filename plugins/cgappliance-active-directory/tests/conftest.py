from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cgappliance_active_directory.policy import ActiveDirectory
from cgappliance_active_directory.settings import SETTINGS

from cgappliance.plugin_api import Secret, TenantContext
from cgappliance.testing.lab import samba, samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.samba import SambaAd


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Issues the controllers' certificates; a machine that cannot run one skips what needs it."""
    if reason := samba.unavailable():
        pytest.skip(reason)
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def ad(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaAd]:
    """A domain controller that all tests share: they may not stop or stall it."""
    with SambaAd(tmp_path_factory.mktemp("ad") / "shared", authority) as controller:
        yield controller


@pytest.fixture
def own_ad(authority: Authority, tmp_path: Path) -> Iterator[SambaAd]:
    """A domain controller of this test alone."""
    controller = SambaAd(tmp_path / "own", authority).start()
    yield controller
    controller.process.kill()  # the test may have stopped or stalled it


@pytest.fixture
def make(ad: SambaAd, settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., ActiveDirectory]]:
    """Makes started backends with good settings for ``ad``, changed as the test wants, and stops them."""
    with ExitStack() as stack:

        def make(**changed: Any) -> ActiveDirectory:
            backend = ActiveDirectory(TenantContext("acme", frozenset({samba_domain.MAIL_DOMAIN}), settings(ad, **changed)))
            backend.start()
            stack.callback(backend.stop)
            return backend

        yield make


@pytest.fixture(scope="session")
def settings() -> Callable[..., dict[str, Any]]:
    """Returns good settings for a domain controller, changed as the test wants."""

    def settings(ad: SambaAd, **changed: Any) -> dict[str, Any]:
        values = {setting.key: setting.default for setting in SETTINGS}
        values |= {
            "servers": (ad.ldaps_url,),
            "ca_file": ad.ca_file,
            "base_dn": samba_domain.BASE_DN,
            "bind_dn": samba_domain.SERVICE.dn,
            "bind_password_file": Secret(samba_domain.SERVICE.password),
        }
        return values | changed

    return settings
