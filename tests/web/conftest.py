from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cgappliance.policy.lockout import Limits
from cgappliance.store import login_guard
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.memory import PolicyMemory
from cgappliance.testing.stores import sqlite_store
from tests.web.site import NOW, TestSite, make_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestSite]:
    """The site, nobody logged in."""
    monkeypatch.setattr(login_guard.IpDelays, "admit", lambda *_: 0.0)  # the delays have tests of their own
    with sqlite_store(tmp_path) as store:
        memory = PolicyMemory(store, poll_s=60)
        memory.start()
        lockouts = SharedLockouts(store, Limits(distinct_max=3), NOW.timestamp)
        lockouts.start()
        yield make_site(store, tmp_path, memory, lockouts)
        lockouts.stop(5)
        memory.stop()
